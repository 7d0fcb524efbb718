/** Which hits are listed: what the address says of it. */
import type { ViewAddress } from "../addresses";

export const FILTERS = ["text", "evalue", "identity", "coverage", "organism"] as const;
export type HitFilter = Pick<ViewAddress, (typeof FILTERS)[number]>;

export function filterOf({ text, evalue, identity, coverage, organism }: ViewAddress): HitFilter {
  return { text, evalue, identity, coverage, organism };
}

export function isFiltered(filter: HitFilter): boolean {
  return FILTERS.some((name) => filter[name] !== undefined);
}

/** All of them unset: what clears an address of its filter. */
export const NO_FILTER: HitFilter = Object.fromEntries(FILTERS.map((name) => [name, undefined]));
