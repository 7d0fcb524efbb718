/** The result of the preflight, beside the form. */
import type { ReactNode } from "react";
import type { Preflight } from "../api/client";
import { count, duration } from "../model/display";
import { commandLine } from "../model/options";
import { Command } from "../parts/Copy";
import { ProblemBox } from "../parts/Told";
import { texts } from "../texts";

interface Verdict {
  found: Preflight | undefined;
  error: Error | null;
  isWanted: boolean;
}

interface Shown extends Verdict {
  isCurrent: boolean;
  children: ReactNode;
}

export function Check({ isCurrent, children, ...verdict }: Shown) {
  const { found, isWanted } = verdict;
  return (
    <aside className="card check" aria-labelledby="check-title">
      <h2 id="check-title">{texts.new.check}</h2>
      {children}
      <div aria-live="polite" className={isCurrent ? "verdict" : "verdict stale"}>
        <Verdict {...verdict} />
      </div>
      {isWanted && found !== undefined && <Command text={commandLine(found.commands)} label={texts.report.command} />}
    </aside>
  );
}

function Verdict({ found, error, isWanted }: Verdict) {
  if (!isWanted) return <p className="quiet">{texts.new.waiting}</p>;
  if (error !== null) return <ProblemBox error={error} />;
  if (found === undefined) return <p className="quiet">{texts.new.checking}</p>;
  return <Found found={found} />;
}

function Found({ found }: { found: Preflight }) {
  return (
    <>
      {found.ok ? (
        <p className="good">✓ {texts.new.ready}</p>
      ) : (
        <div className="box problem">
          <strong>{texts.new.problems(found.problems.length)}</strong>
          <ul>
            {found.problems.map((one) => (
              <li key={`${one.field} ${one.code} ${one.detail}`}>
                {one.detail} <em>{one.remedy}</em>
              </li>
            ))}
          </ul>
        </div>
      )}
      {found.remarks.map((one) => (
        <p key={one} className="box warning slim">
          {one}
        </p>
      ))}
      <dl className="facts-list">
        <Fact name={texts.new.queries} value={found.queries === null ? null : count(found.queries)} />
        <Fact name={texts.new.letters} value={found.letters === null ? null : count(found.letters)} />
        <Fact name={texts.new.longest} value={found.longest === null ? null : count(found.longest)} />
        <Fact name={texts.new.shards} value={found.shards === null ? null : count(found.shards)} help={found.why} />
        <Fact
          name={texts.new.memory}
          value={found.fits_in_memory === null ? null : found.fits_in_memory ? texts.new.fits : texts.new.fitsNot}
        />
        <Fact
          name={texts.new.estimate}
          value={found.seconds === null ? texts.new.noEstimate : duration(found.seconds)}
        />
      </dl>
    </>
  );
}

function Fact({ name, value, help = null }: { name: string; value: string | null; help?: string | null }) {
  if (value === null) return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value}
        {help !== null && <small className="block">{help}</small>}
      </dd>
    </div>
  );
}
