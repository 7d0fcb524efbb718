import { useMemo, useState } from "react";
import type { Phase, Piece, RunningPiece } from "../api/client";
import { bytes, count, duration } from "../model/display";
import { placed, type NodeOfPieces, type Placed } from "../model/pieces";
import { ticks } from "../model/spans";
import { texts } from "../texts";
import { pieceName, pieceNotes, PieceTable } from "./PieceTable";

const LANE_PX = 12;
const WIDTH = 1000;
const FEWEST_SECONDS = 0.1;
const TICKS = 8;

interface Shown {
  pieces: readonly Piece[];
  running: readonly RunningPiece[];
  phases: readonly Phase[];
  started: number | null;
  now: number;
}

/** Phases and BLAST+ processes as bars on one time axis; running ones extend to now. */
export function PieceChart({ pieces, running, phases, started, now }: Shown) {
  const nodes = useMemo(
    () =>
      placed(
        pieces,
        running.map((one) => endedNow(one, now)),
      ),
    [pieces, running, now],
  );
  const [pointed, setPointed] = useState<Placed<Piece> | null>(null);
  if (pieces.length + running.length === 0 || started === null)
    return <p className="quiet">{texts.search.piecesNone}</p>;
  const axis = { started, seconds: Math.max(now - started, FEWEST_SECONDS) };
  return (
    <>
      <Figures pieces={pieces} running={running.length} />
      <div className="chart" onMouseLeave={() => setPointed(null)}>
        {phases
          .filter((one) => one.started !== null)
          .map((one) => (
            <PhaseLane key={one.name} phase={one} axis={axis} now={now} />
          ))}
        {nodes.map((node) => (
          <NodeLanes key={node.name} node={node} axis={axis} onPoint={setPointed} />
        ))}
        <TimeAxis seconds={axis.seconds} />
      </div>
      {pieces.some((one) => one.is_doubled) && <p className="quiet">{texts.search.doubledHelp}</p>}
      <p className="quiet pointed">{pointed === null ? texts.search.piecesHelp : told(pointed)}</p>
      <PieceTable nodes={nodes} started={started} />
    </>
  );
}

function Figures({ pieces, running }: { pieces: readonly Piece[]; running: number }) {
  const slowest = pieces.reduce((most, one) => Math.max(most, one.seconds), 0);
  const peak = pieces.reduce((most, one) => Math.max(most, one.peak_memory_bytes), 0);
  const { search: words } = texts;
  const ended = pieces.length === 0 ? [] : [`${words.slowest}: ${duration(slowest)}`, `${words.peak}: ${bytes(peak)}`];
  const now = running === 0 ? [] : [`${words.runningNow}: ${count(running)}`];
  return (
    <p className="line quiet">
      {[`${words.count}: ${count(pieces.length)}`, ...now, ...ended].map((figure) => (
        <span key={figure}>{figure}</span>
      ))}
    </p>
  );
}

/** Returns a running piece as if it ended now; its memory is not known yet. */
function endedNow(one: RunningPiece, now: number): Piece {
  const seconds = Math.max(now - one.started, 0);
  return { ...one, finished: one.started + seconds, seconds, peak_memory_bytes: 0, is_doubled: false };
}

interface Axis {
  started: number;
  seconds: number;
}

function placeOf(from: number, seconds: number, axis: Axis): { x: number; width: number } {
  const x = (Math.max(0, from - axis.started) / axis.seconds) * WIDTH;
  return { x, width: Math.max((seconds / axis.seconds) * WIDTH, 1) };
}

function PhaseLane({ phase, axis, now }: { phase: Phase; axis: Axis; now: number }) {
  const name = texts.phases[phase.name]?.name ?? phase.name;
  const from = phase.started ?? axis.started;
  const seconds = Math.max((phase.finished ?? now) - from, 0);
  const label = `${name}: ${duration(seconds)}, ${texts.statuses[phase.status] ?? phase.status}`;
  return (
    <div className="lanes phase-lane">
      <span className="clip quiet">{name}</span>
      <svg
        viewBox={`0 0 ${WIDTH} ${LANE_PX}`}
        height={LANE_PX}
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
      >
        <rect className={`phase-bar ${phase.status}`} y={3} height={LANE_PX - 6} {...placeOf(from, seconds, axis)}>
          <title>{label}</title>
        </rect>
      </svg>
    </div>
  );
}

interface Lanes {
  node: NodeOfPieces<Piece>;
  axis: Axis;
  onPoint: (piece: Placed<Piece>) => void;
}

function NodeLanes({ node, axis, onPoint }: Lanes) {
  const height = node.lanes * LANE_PX;
  const name = node.name === "" ? texts.search.thisMachine : node.name;
  return (
    <div className="lanes">
      <span className="clip" title={name}>
        {name}
      </span>
      <svg
        viewBox={`0 0 ${WIDTH} ${height}`}
        height={height}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${name}: ${texts.search.count} ${count(node.pieces.length)}`}
      >
        {node.pieces.map((one) => (
          <rect
            key={`${one.piece.purpose} ${one.piece.batch} ${one.piece.shard ?? ""} ${one.started}`}
            className={classOf(one)}
            y={one.lane * LANE_PX + 1}
            height={LANE_PX - 2}
            {...placeOf(one.started, one.piece.seconds, axis)}
            onMouseEnter={() => onPoint(one)}
          >
            <title>{told(one)}</title>
          </rect>
        ))}
      </svg>
    </div>
  );
}

function TimeAxis({ seconds }: { seconds: number }) {
  const places = ticks(0, seconds, TICKS).filter((at) => at / seconds < 0.97);
  return (
    <div className="lanes axis" aria-hidden="true">
      <span />
      <div className="axis">
        {places.map((at) => (
          <span key={at} style={{ left: `${(at / seconds) * 100}%` }}>
            {duration(at)}
          </span>
        ))}
      </div>
    </div>
  );
}

function classOf({ piece, isStraggler, isRunning }: Placed<Piece>): string {
  const marks = [isStraggler && "straggler", piece.is_doubled && "doubled", isRunning && "running"];
  return ["piece", piece.purpose, ...marks.filter((one) => one !== false)].join(" ");
}

function told(placed: Placed<Piece>): string {
  const { piece, isRunning } = placed;
  const memory = isRunning ? [] : [bytes(piece.peak_memory_bytes)];
  return [pieceName(piece), duration(piece.seconds), ...memory, ...pieceNotes(placed)].join(" · ");
}
