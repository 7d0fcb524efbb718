/** Selections of 0-based numbers, written as ranges in URLs: 0-4,7. */

/** Maximum size of a selection; longer lists in URLs are ignored. */
const MOST_NUMBERS = 100_000;

/** Writes numbers as ascending ranges. */
export function written(numbers: Iterable<number>): string {
  const ranges: [number, number][] = [];
  for (const number of [...numbers].sort((one, other) => one - other)) {
    const last = ranges.at(-1);
    if (last !== undefined && number <= last[1] + 1) last[1] = Math.max(number, last[1]);
    else ranges.push([number, number]);
  }
  return ranges.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(",");
}

/** Returns the numbers of a list of ranges; none if the text is not such a list. */
export function numbersOf(list: string | undefined): ReadonlySet<number> {
  const found = new Set<number>();
  if (list === undefined || !/^\d{1,9}(-\d{1,9})?(,\d{1,9}(-\d{1,9})?)*$/.test(list)) return found;
  for (const part of list.split(",")) {
    const [first = 0, last = first] = part.split("-").map(Number);
    if (last - first + found.size > MOST_NUMBERS) return new Set();
    for (let number = first; number <= last; number += 1) found.add(number);
  }
  return found;
}
