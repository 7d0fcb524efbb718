const SIGNS: Record<string, string> = {
  queued: "◌",
  running: "◐",
  cancelling: "◑",
  completed: "✓",
  failed: "!",
  cancelled: "–",
};

/** A state as a word and a sign, not by colour alone. */
export function State({ state }: { state: string }) {
  return (
    <span className={`state ${state}`}>
      <span aria-hidden="true">{SIGNS[state] ?? ""}</span> {state}
    </span>
  );
}
