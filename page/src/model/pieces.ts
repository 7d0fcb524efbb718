/** A search's pieces over time, by node. */

interface Ended {
  purpose: string;
  batch: number;
  shard: number | null;
  seconds: number;
  node: string;
  finished: number;
}

export interface Placed<P extends Ended> {
  piece: P;
  lane: number;
  started: number;
  /** Whether its time so far is more than twice the median of finished pieces with its purpose. */
  isStraggler: boolean;
  isRunning: boolean;
}

export interface NodeOfPieces<P extends Ended> {
  name: string;
  lanes: number;
  pieces: Placed<P>[];
}

/** A running piece. */
interface Begun {
  purpose: string;
  batch: number;
  shard: number | null;
  node: string;
  started: number;
}

/** Returns the running pieces after an event. A second process of a piece ends with the first. */
export function runningAfter<B extends Begun>(known: readonly B[], kind: string, told: B): B[] {
  const isSame = (one: B) => one.purpose === told.purpose && one.batch === told.batch && one.shard === told.shard;
  const others = (of: (one: B) => boolean) => known.filter((one) => !of(one));
  if (kind === "searching") return [];
  if (kind === "piece") return others(isSame);
  if (kind === "stopped") return others((one) => isSame(one) && one.node === told.node);
  if (kind === "started") return [...others((one) => isSame(one) && one.node === told.node), told];
  return [...known];
}

/** Merges two lists of pieces without duplicates. */
export function united<P extends Ended>(known: readonly P[], more: readonly P[]): P[] {
  const nameOf = ({ purpose, batch, shard, finished }: P) => `${purpose} ${batch} ${shard ?? ""} ${finished}`;
  return [...new Map([...known, ...more].map((one) => [nameOf(one), one])).values()];
}

const STRAGGLES = 2;
const LEAST_FOR_STRAGGLERS = 4;

/**
 * Places pieces so that none overlap: a lane for each process that ran at the same time on a node. Those that run are
 * given as if they ended now.
 */
export function placed<P extends Ended>(pieces: readonly P[], running: readonly P[] = []): NodeOfPieces<P>[] {
  const medians = medianSeconds(pieces);
  const nodes = new Map<string, { free: number[]; pieces: Placed<P>[] }>();
  const timed = (isRunning: boolean) => (piece: P) => ({ piece, isRunning, started: piece.finished - piece.seconds });
  const byStart = [...pieces.map(timed(false)), ...running.map(timed(true))];
  byStart.sort((one, other) => one.started - other.started);
  for (const { piece, isRunning, started } of byStart) {
    const node = nodes.get(piece.node) ?? { free: [], pieces: [] };
    nodes.set(piece.node, node);
    const known = node.free.findIndex((until) => until <= started + 1e-3);
    const lane = known < 0 ? node.free.length : known;
    node.free[lane] = piece.finished;
    const median = medians.get(piece.purpose) ?? Infinity;
    node.pieces.push({ piece, lane, started, isRunning, isStraggler: piece.seconds > STRAGGLES * median });
  }
  const found = [...nodes].map(([name, node]) => ({ name, lanes: node.free.length, pieces: node.pieces }));
  return found.sort((one, other) => one.name.localeCompare(other.name));
}

function medianSeconds(pieces: readonly Ended[]): Map<string, number> {
  const seconds = new Map<string, number[]>();
  for (const { purpose, seconds: taken } of pieces) {
    const known = seconds.get(purpose);
    if (known === undefined) seconds.set(purpose, [taken]);
    else known.push(taken);
  }
  const found = new Map<string, number>();
  for (const [purpose, all] of seconds) {
    if (all.length < LEAST_FOR_STRAGGLERS) continue;
    all.sort((one, other) => one - other);
    found.set(purpose, all[all.length >> 1] ?? Infinity);
  }
  return found;
}
