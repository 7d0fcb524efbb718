/** The progress of a search. */

export const STATES = ["running", "queued", "cancelling", "completed", "failed", "cancelled"] as const;
export type StateName = (typeof STATES)[number];

interface PhaseLike {
  name: string;
  status: string;
  started: number | null;
  finished: number | null;
  done: number;
  total: number;
}

/** Returns the finished share of a phase; null if unknown. */
export function share({ status, done, total }: PhaseLike): number | null {
  if (status === "completed") return 1;
  if (status === "skipped" || status === "pending") return 0;
  return total > 0 ? Math.min(done / total, 1) : null;
}

/** Returns the run time so far in seconds. */
export function elapsed(one: { started: number | null; finished: number | null }, now: number): number | null {
  return one.started === null ? null : Math.max(0, (one.finished ?? now) - one.started);
}

export function currentPhase<P extends PhaseLike>(phases: readonly P[]): P | undefined {
  return phases.find((one) => one.status === "running");
}
