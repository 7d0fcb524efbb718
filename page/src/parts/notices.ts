/** Short notices at the foot of the page; a store outside React, so that anything can announce one. */

export interface Notice {
  text: string;
  isProblem?: boolean;
  lasts?: number;
  action?: { label: string; run: () => void };
  /** Is called when it is closed or its time is over, without its action. */
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

/** Closes a notice, as its time does. */
export function close(id: number): void {
  const gone = shown.find((one) => one.id === id);
  dismiss(id);
  gone?.onGone?.();
}

/** Takes a notice away whose action is done. */
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
