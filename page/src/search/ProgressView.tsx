import { useQuery } from "@tanstack/react-query";
import type { Phase, Search } from "../api/client";
import { isUnderWay } from "../api/live";
import { piecesQuery, runningQuery } from "../api/queries";
import { bytes, count, duration, exactTime, plural } from "../model/display";
import { elapsed, share } from "../model/progress";
import { useNow } from "../parts/clock";
import { Meter } from "../parts/Meter";
import { texts } from "../texts";
import { LogView } from "./LogView";
import { PieceChart } from "./PieceChart";

const IN_BYTES = new Set(["staging", "warming"]);

export function ProgressView({ search }: { search: Search }) {
  const pieces = useQuery(piecesQuery(search.id));
  const running = useQuery({ ...runningQuery(search.id), enabled: isUnderWay(search.state) });
  const now = useNow(isUnderWay(search.state));
  return (
    <div className="stack">
      <Outcome search={search} />
      <section className="card" aria-labelledby="phases-title">
        <h2 id="phases-title">{texts.search.timeline}</h2>
        <ol className="phases">
          {search.phases.map((one) => (
            <PhaseRow key={one.name} phase={one} now={now} />
          ))}
        </ol>
        {search.why !== null && (
          <p className="quiet">
            {plural(search.shards ?? 1, ...texts.counts.shards)}: {search.why}
          </p>
        )}
      </section>
      <section className="card" aria-labelledby="pieces-title">
        <h2 id="pieces-title">{texts.search.pieces}</h2>
        <PieceChart
          pieces={pieces.data ?? []}
          running={isUnderWay(search.state) ? (running.data ?? []) : []}
          phases={search.phases}
          started={search.started}
          now={search.finished ?? now}
        />
      </section>
      <LogView id={search.id} />
    </div>
  );
}

function Outcome({ search }: { search: Search }) {
  if (search.waiting !== null) return <Waiting search={search} waiting={search.waiting} />;
  if (search.state === "cancelling") return <p className="box slim">{texts.search.cancellingHelp}</p>;
  if (search.state === "cancelled") {
    return (
      <div className="box warning">
        <strong>{texts.search.cancelled}</strong>
        <p>{texts.search.cancelledHelp}</p>
      </div>
    );
  }
  if (search.failure === null) return null;
  return (
    <div className="box problem" role="alert">
      <strong>{texts.search.failure}</strong>
      <p>{search.failure.problem}</p>
      <p>
        <em>{search.failure.remedy}</em>
      </p>
    </div>
  );
}

function Waiting({ search, waiting }: { search: Search; waiting: NonNullable<Search["waiting"]> }) {
  const isTurn = waiting.code === "turn";
  return (
    <div className={isTurn ? "box slim" : "box warning"} role="status">
      <p>{waiting.sentence}</p>
      {search.state === "queued" && <p>{texts.search.queuedHelp}</p>}
      {!isTurn && <p className="quiet">{texts.search.waitingSince(exactTime(waiting.since))}</p>}
    </div>
  );
}

export function PhaseRow({ phase, now }: { phase: Phase; now: number }) {
  const known = texts.phases[phase.name] ?? { name: phase.name, units: ["", ""] };
  const took = elapsed(phase, now);
  const show = IN_BYTES.has(phase.name) ? bytes : count;
  const isBegun = phase.status !== "pending" && phase.status !== "skipped";
  return (
    <li className={`phase ${phase.status}`} aria-current={phase.status === "running" ? "step" : undefined}>
      <span className="dot" aria-hidden="true" />
      <strong>{known.name}</strong>
      <span className="quiet">{texts.statuses[phase.status] ?? phase.status}</span>
      <Meter
        share={share(phase) ?? 0}
        label={known.name}
        className={share(phase) === null ? "unknown" : phase.status}
      />
      <span className="number">
        {isBegun &&
          (phase.total > 0
            ? `${show(phase.done)} / ${show(phase.total)} ${known.units[phase.total === 1 ? 0 : 1]}`
            : show(phase.done))}
      </span>
      <span className="number quiet">{took === null ? "" : duration(took)}</span>
    </li>
  );
}
