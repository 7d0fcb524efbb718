/** Histograms. */

export interface Bin {
  from: number;
  to: number;
  count: number;
}

/** Counts values in so many bins of the same width; the last one holds its upper end, too. */
export function bins(values: readonly number[], number: number, range?: [number, number]): Bin[] {
  if (values.length === 0) return [];
  const low = range?.[0] ?? values.reduce((least, one) => Math.min(least, one));
  const high = range?.[1] ?? values.reduce((most, one) => Math.max(most, one));
  const width = (high - low) / number || 1;
  const found = Array.from({ length: number }, (_, at) => ({
    from: low + at * width,
    to: low + (at + 1) * width,
    count: 0,
  }));
  for (const value of values) {
    const bin = found[Math.min(number - 1, Math.max(0, Math.floor((value - low) / width)))];
    if (bin !== undefined) bin.count += 1;
  }
  return found;
}

/** Returns the power of ten of an E-value; what BLAST+ prints as 0.0 counts as the smallest. */
export function powerOfTen(evalue: number): number {
  return evalue < 1e-180 ? -180 : Math.log10(evalue);
}
