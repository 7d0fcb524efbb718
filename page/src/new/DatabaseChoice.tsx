import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Database } from "../api/client";
import { databasesQuery } from "../api/queries";
import { bytes, compact, percent } from "../model/display";
import { Meter } from "../parts/Meter";
import { Empty, Loading, ProblemBox } from "../parts/Told";
import { texts } from "../texts";

const MANY = 8;

interface Shown {
  chosen: string;
  problems: readonly string[];
  onChoose: (database: string) => void;
}

export function DatabaseChoice({ chosen, problems, onChoose }: Shown) {
  const found = useQuery(databasesQuery);
  const [text, setText] = useState("");
  const all = found.data ?? [];
  const shown = all.filter((one) => `${one.name} ${one.title}`.toLowerCase().includes(text.toLowerCase()));
  return (
    <section className="card" aria-labelledby="database-title">
      <header className="row">
        <h2 id="database-title">{texts.new.database}</h2>
        {all.length > MANY && (
          <input
            type="search"
            aria-label={texts.new.databaseFilter}
            placeholder={texts.new.databaseFilter}
            value={text}
            onChange={(change) => setText(change.target.value)}
          />
        )}
      </header>
      {found.isPending && <Loading />}
      {found.error !== null && <ProblemBox error={found.error} onRetry={() => void found.refetch()} />}
      {found.data?.length === 0 && (
        <Empty title={texts.databases.empty} help={texts.new.noDatabasesHelp}>
          <Link to="/databases">{texts.databases.add}</Link>
        </Empty>
      )}
      <div role="radiogroup" aria-labelledby="database-title" className="choices">
        {shown.map((one) => (
          <Choice key={one.name} one={one} isChosen={one.name === chosen} onChoose={() => onChoose(one.name)} />
        ))}
      </div>
      {problems.map((one) => (
        <p key={one} className="mend">
          {one}
        </p>
      ))}
    </section>
  );
}

function Choice({ one, isChosen, onChoose }: { one: Database; isChosen: boolean; onChoose: () => void }) {
  const { resident_bytes: resident, mapped_bytes: mapped, problem } = one.here;
  const share = resident === null ? null : mapped === 0 ? 1 : resident / mapped;
  return (
    <label className={isChosen ? "choice chosen" : "choice"}>
      <input type="radio" name="database" checked={isChosen} onChange={onChoose} />
      <span className="grow">
        <strong>{one.name}</strong> <span className={`tag ${one.molecule}`}>{one.molecule}</span>
        <span className="quiet block clip" title={one.title}>
          {problem ?? one.title}
        </span>
      </span>
      <span className="facts">
        <span>
          {compact(one.num_seqs)} {texts.new.sequences}
        </span>
        <span className="quiet">
          {compact(one.letters)} · {bytes(one.size_bytes)}
        </span>
        <small className="quiet">{texts.new.databaseDate(one.date)}</small>
      </span>
      <span className="facts warmth">
        {share === null ? (
          <span className="quiet">{texts.new.warmUnknown}</span>
        ) : (
          <>
            <Meter share={share} label={texts.new.warm(percent(share))} />
            <span className="quiet">{texts.new.warm(percent(share))}</span>
          </>
        )}
      </span>
    </label>
  );
}
