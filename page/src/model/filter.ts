/** The filter of a query's hits. */

export interface HitFilter {
  /** Part of a subject's id or title. */
  text?: string | undefined;
  /** Largest E-value. */
  evalue?: number | undefined;
  /** Smallest identity, in percent. */
  identity?: number | undefined;
  /** Smallest coverage of the query, in percent. */
  coverage?: number | undefined;
  /** Part of a scientific name, or a taxid. */
  organism?: string | undefined;
}

/** Returns the filter in the values of a URL. */
export function filterOf({ text, evalue, identity, coverage, organism }: HitFilter): HitFilter {
  return { text, evalue, identity, coverage, organism };
}

export function isFiltered(filter: HitFilter): boolean {
  return Object.values(filter).some((value) => value !== undefined);
}

/** A filter whose fields are undefined, which removes the filter from a URL. */
export const NO_FILTER = filterOf({});
