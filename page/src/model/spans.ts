/** The graphic summary: HSPs as coloured bars on the query, at most one per pixel. */

export interface Columns {
  rank: readonly number[];
  query_start: readonly number[];
  query_end: readonly number[];
  bit_score: readonly number[];
}

interface Bar {
  from: number;
  to: number;
  band: number;
}

/** Lower bounds of NCBI's five bands of bit scores. */
const BANDS = [0, 40, 50, 80, 200] as const;

export function band(score: number): number {
  return BANDS.findLastIndex((least) => score >= least);
}

/** Returns each hit's range of rows by rank: the first, and one past the last. */
export function ranges(columns: Columns): Map<number, [number, number]> {
  const found = new Map<number, [number, number]>();
  columns.rank.forEach((rank, at) => {
    const known = found.get(rank);
    if (known === undefined) found.set(rank, [at, at + 1]);
    else known[1] = at + 1;
  });
  return found;
}

/** Returns the bars of one hit for a region of the query: at most one per pixel, with the best of overlapping HSPs. */
export function bars(columns: Columns, range: [number, number], from: number, to: number, pixels: number): Bar[] {
  const bands = new Int8Array(pixels).fill(-1);
  const scale = pixels / (to - from + 1);
  for (let at = range[0]; at < range[1]; at += 1) {
    const [one, other] = [columns.query_start[at] ?? 0, columns.query_end[at] ?? 0];
    const left = Math.max(0, Math.floor((Math.min(one, other) - from) * scale));
    const right = Math.min(pixels, Math.max(left + 1, Math.ceil((Math.max(one, other) - from + 1) * scale)));
    const colour = band(columns.bit_score[at] ?? 0);
    for (let pixel = left; pixel < right; pixel += 1) {
      if ((bands[pixel] ?? 0) < colour) bands[pixel] = colour;
    }
  }
  return joined(bands);
}

function joined(bands: Int8Array): Bar[] {
  const found: Bar[] = [];
  bands.forEach((one, at) => {
    if (one < 0) return;
    const last = found.at(-1);
    if (last?.to === at && last.band === one) last.to = at + 1;
    else found.push({ from: at, to: at + 1, band: one });
  });
  return found;
}

/** Returns round positions for a ruler, at most a given number. */
export function ticks(from: number, to: number, most: number): number[] {
  const least = (to - from) / most;
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
  const step = [1, 2, 5, 10].map((times) => times * power).find((one) => one >= least) ?? power * 10;
  const found: number[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) if (at > 0) found.push(at);
  return found;
}
