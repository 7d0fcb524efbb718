/** Histograms. */

export interface Bin {
  from: number;
  to: number;
  count: number;
}

/** Counts values in a number of bins of equal width; the last bin includes its upper bound. */
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

/** Returns the base-10 logarithm of an E-value; values that BLAST+ prints as 0.0 give -180. */
export function powerOfTen(evalue: number): number {
  return evalue < 1e-180 ? -180 : Math.log10(evalue);
}
