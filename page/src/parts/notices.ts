/** Short notices at the foot of the page, in a store outside of React, so that any code can announce one. */

interface Notice {
  text: string;
  isProblem?: boolean;
  lasts?: number;
  action?: { label: string; run: () => void };
  /** Called when the notice is closed or expires without its action. */
  onGone?: () => void;
}

interface Shown extends Notice {
  id: number;
}

const LASTS_MS = 5000;
let shown: readonly Shown[] = [];
let next = 0;
const listeners = new Set<() => void>();

function change(notices: readonly Shown[]): void {
  shown = notices;
  for (const one of listeners) one();
}

export function announce(notice: Notice): void {
  const id = (next += 1);
  change([...shown, { ...notice, id }]);
  setTimeout(() => close(id), notice.lasts ?? (notice.isProblem === true ? 2 * LASTS_MS : LASTS_MS));
}

/** Closes a notice as if it expired. */
export function close(id: number): void {
  const gone = shown.find((one) => one.id === id);
  dismiss(id);
  gone?.onGone?.();
}

/** Removes a notice whose action is done. */
export function dismiss(id: number): void {
  change(shown.filter((one) => one.id !== id));
}

export const notices = {
  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  get: () => shown,
};
