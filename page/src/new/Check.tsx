/** The result of the preflight, beside the form. */
import type { ReactNode } from "react";
import type { Preflight } from "../api/client";
import { count, duration } from "../model/format";
import { Command } from "../parts/Copy";
import { ProblemBox } from "../parts/Told";
import { texts } from "../texts";

interface Shown {
  command: string;
  found: Preflight | undefined;
  error: Error | null;
  isWanted: boolean;
  isCurrent: boolean;
  children: ReactNode;
}

export function Check({ command, found, error, isWanted, isCurrent, children }: Shown) {
  return (
    <aside className="card check" aria-labelledby="check-title">
      <h2 id="check-title">{texts.new.check}</h2>
      {children}
      <div aria-live="polite" className={isCurrent ? "verdict" : "verdict stale"}>
        {!isWanted && <p className="quiet">{texts.new.waiting}</p>}
        {isWanted && error !== null && <ProblemBox error={error} />}
        {isWanted && error === null && found === undefined && <p className="quiet">{texts.new.checking}</p>}
        {isWanted && error === null && found !== undefined && <Found found={found} />}
      </div>
      <Command text={command} label={texts.new.command} />
    </aside>
  );
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
