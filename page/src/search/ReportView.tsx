import { useQuery } from "@tanstack/react-query";
import type { Report, Search } from "../api/client";
import { reportQuery } from "../api/queries";
import { commandLine } from "../model/options";
import { count, duration, percent, plural } from "../model/display";
import { Command } from "../parts/Copy";
import { Fact } from "../parts/Fact";
import { Loading, ProblemBox } from "../parts/Told";
import { texts } from "../texts";

const MOST_IDS = 200;

export function ReportView({ search }: { search: Search }) {
  const found = useQuery(reportQuery(search.id));
  if (found.error !== null) return <ProblemBox error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading />;
  const report = found.data;
  return (
    <div className="columns report">
      <Verdicts report={report} />
      <div className="stack">
        <Facts report={report} />
        <Incidents report={report} />
        <section className="card">
          <Command text={commandLine(report.commands)} label={texts.report.command} />
          <Command text={report.citation} label={texts.report.citation} />
        </section>
      </div>
    </div>
  );
}

function Verdicts({ report }: { report: Report }) {
  const isIdentical = !("complete" in report.verdicts);
  return (
    <section className="card" aria-labelledby="verdicts-title">
      <h2 id="verdicts-title">{texts.report.verdicts}</h2>
      <p className={isIdentical ? "good" : "box warning slim"}>
        {isIdentical ? `✓ ${texts.report.allIdentical}` : texts.report.notIdentical}
      </p>
      {Object.entries(report.verdicts).map(([verdict, number]) => (
        <div key={verdict} className="verdict-of">
          <h3>
            <span className={`tag ${verdict}`}>{texts.verdicts[verdict]?.name ?? verdict}</span>{" "}
            {plural(number, ...texts.counts.queries)}
            <span className="quiet"> · {percent(number / Math.max(report.queries, 1))}</span>
          </h3>
          <p>{texts.verdicts[verdict]?.means}</p>
          <Ids ids={report.not_merged[verdict] ?? []} />
        </div>
      ))}
    </section>
  );
}

function Incidents({ report }: { report: Report }) {
  if (report.incidents.length === 0) return null;
  return (
    <section className="card" aria-labelledby="incidents-title">
      <h2 id="incidents-title">{texts.report.incidents}</h2>
      <ul>
        {report.incidents.map((one, place) => (
          <li key={place}>{one.text}</li>
        ))}
      </ul>
    </section>
  );
}

function Ids({ ids }: { ids: readonly string[] }) {
  if (ids.length === 0) return null;
  return (
    <details>
      <summary>
        {texts.report.ids} ({count(ids.length)})
      </summary>
      <p className="code ids" tabIndex={0}>
        {ids.slice(0, MOST_IDS).join(", ")}
        {ids.length > MOST_IDS && `, ${texts.report.more(count(ids.length - MOST_IDS))}`}
      </p>
    </details>
  );
}

function Facts({ report }: { report: Report }) {
  return (
    <section className="card" aria-labelledby="facts-title">
      <h2 id="facts-title">{texts.report.facts}</h2>
      <dl className="facts-list">
        <Fact name={texts.report.blast}>{report.blast_version}</Fact>
        <Fact name={texts.report.shardblast}>{report.shardblast_version}</Fact>
        <Fact name={texts.report.database}>
          {report.database.name} <small className="block clip">{report.database.generation}</small>
        </Fact>
        <Fact name={texts.report.shards}>
          {report.shards === null ? "" : count(report.shards)} <small className="block">{report.why}</small>
        </Fact>
        <Fact name={texts.search.count}>{count(report.pieces.length)}</Fact>
        <Fact name={texts.report.seconds}>{duration(report.seconds)}</Fact>
        <Fact name={texts.report.kept}>{report.self_contained ? texts.report.yes : texts.report.no}</Fact>
        {report.taxids !== null && (
          <Fact name={texts.report.taxids}>
            {report.taxids["with_descendants"] === true
              ? texts.report.taxidsExpanded(count(Number(report.taxids["taxids"])))
              : texts.report.taxidsPlain}
          </Fact>
        )}
      </dl>
    </section>
  );
}
