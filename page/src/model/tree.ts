/** A tree as a list of rows with levels, each row after its parent. */

interface Leveled {
  level: number;
}

/** Returns the indexes of the rows that no collapsed row hides. */
export function visible(rows: readonly Leveled[], closed: ReadonlySet<number>): number[] {
  const found: number[] = [];
  let hiddenBelow = Infinity;
  rows.forEach(({ level }, at) => {
    if (level > hiddenBelow) return;
    found.push(at);
    hiddenBelow = closed.has(at) ? level : Infinity;
  });
  return found;
}

export function hasChildren(rows: readonly Leveled[], at: number): boolean {
  return (rows[at + 1]?.level ?? -1) > (rows[at]?.level ?? 0);
}

function parentOf(rows: readonly Leveled[], at: number): number | undefined {
  const level = rows[at]?.level ?? 0;
  const found = rows.slice(0, at).findLastIndex((row) => row.level < level);
  return found < 0 ? undefined : found;
}

/** Returns the row that a key moves to, and the row that it expands or collapses; null for other keys. */
export function moved(
  key: string,
  at: number,
  rows: readonly Leveled[],
  closed: ReadonlySet<number>,
): { at: number; toggles?: boolean } | null {
  const shown = visible(rows, closed);
  const place = Math.max(0, shown.indexOf(at));
  const to = (next: number) => ({ at: shown[Math.min(Math.max(next, 0), shown.length - 1)] ?? at });
  const isParent = hasChildren(rows, at);
  switch (key) {
    case "ArrowDown":
      return to(place + 1);
    case "ArrowUp":
      return to(place - 1);
    case "Home":
      return to(0);
    case "End":
      return to(shown.length - 1);
    case "ArrowRight":
      if (!isParent) return { at };
      return closed.has(at) ? { at, toggles: true } : to(place + 1);
    case "ArrowLeft":
      return isParent && !closed.has(at) ? { at, toggles: true } : { at: parentOf(rows, at) ?? at };
    default:
      return null;
  }
}
