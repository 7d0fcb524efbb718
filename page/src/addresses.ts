/** The values in the URLs of views, which are validated, since anyone can write a URL. */
import type { HitFilter } from "./model/filter";
import { numbersOf, written } from "./model/numbers";
import { STATES, type StateName } from "./model/progress";

/** Maximum length of a list of numbers in a URL of the service. */
const MOST_SELECTED = 12_000;

type Given = Record<string, unknown>;

export const VIEWS = [
  "progress",
  "descriptions",
  "graphic",
  "alignments",
  "distribution",
  "taxonomy",
  "report",
] as const;
export const SORTS = ["rank", "evalue", "bit_score", "total_score", "coverage", "identity", "length"] as const;

const LIST_SORTS = ["created", "title", "database", "state", "elapsed", "queries", "hits"] as const;
const ORDERS = ["asc", "desc"] as const;

export type ListSort = (typeof LIST_SORTS)[number];
export type ListOrder = (typeof ORDERS)[number];
export type ViewName = (typeof VIEWS)[number];
export type SortName = (typeof SORTS)[number];

export interface NewAddress {
  /** Id of the search to edit. */
  from?: string | undefined;
  database?: string | undefined;
}

export interface ListAddress {
  state?: StateName | undefined;
  text?: string | undefined;
  by?: ListSort | undefined;
  order?: ListOrder | undefined;
}

export interface ViewAddress extends HitFilter {
  view?: ViewName | undefined;
  /** Number of the query, from 0. */
  query?: number | undefined;
  /** Rank of the hit, from 0. */
  hit?: number | undefined;
  sort?: SortName | undefined;
  /** Numbers of the selected queries: 0-4,7. */
  selected?: string | undefined;
  /** 1-based bounds of the zoomed graphic summary. */
  left?: number | undefined;
  right?: number | undefined;
  share?: string | undefined;
}

export function newOf(given: Given): NewAddress {
  return { ...part("from", text(given["from"])), ...part("database", text(given["database"])) };
}

export function listOf(given: Given): ListAddress {
  return {
    ...part("state", oneOf(STATES, given["state"])),
    ...part("text", text(given["text"])),
    ...part("by", oneOf(LIST_SORTS, given["by"])),
    ...part("order", oneOf(ORDERS, given["order"])),
  };
}

export function viewOf(given: Given): ViewAddress {
  return {
    ...part("view", oneOf(VIEWS, given["view"])),
    ...part("query", whole(given["query"])),
    ...part("hit", whole(given["hit"])),
    ...part("sort", oneOf(SORTS, given["sort"])),
    ...part("text", text(given["text"])),
    ...part("evalue", number(given["evalue"])),
    ...part("identity", number(given["identity"], 100)),
    ...part("coverage", number(given["coverage"], 100)),
    ...part("organism", text(given["organism"])),
    ...part("selected", ranges(given["selected"])),
    ...part("left", whole(given["left"])),
    ...part("right", whole(given["right"])),
    ...part("share", text(given["share"])),
  };
}

function part<K extends string, V>(name: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [name]: value } as Record<K, V>);
}

function text(value: unknown, most = 200): string | undefined {
  const read = typeof value === "number" ? String(value) : value;
  return typeof read === "string" && read !== "" && read.length <= most ? read : undefined;
}

function whole(value: unknown): number | undefined {
  const number = Number(value);
  return value !== undefined && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

function number(value: unknown, most = Number.MAX_VALUE): number | undefined {
  const read = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof read === "number" && read >= 0 && read <= most ? read : undefined;
}

function ranges(value: unknown): string | undefined {
  const read = text(typeof value === "number" ? String(value) : value, MOST_SELECTED);
  return read !== undefined && written(numbersOf(read)) === read ? read : undefined;
}

function oneOf<T extends string>(known: readonly T[], value: unknown): T | undefined {
  return known.find((one) => one === value);
}

/** Returns the token of a share link in a URL of the page: after `#`, or as a query parameter. */
export function shareOf(url: URL): string | null {
  return new URLSearchParams(url.hash.slice(1)).get(SHARE) ?? url.searchParams.get(SHARE);
}

const SHARE = "share";

/** Returns a URL for the router, in which the token is a query parameter. */
export function withShare(url: URL): URL {
  const share = shareOf(url);
  if (share === null) return url;
  url.searchParams.set(SHARE, share);
  url.hash = "";
  return url;
}

/** Returns a URL for the browser, with the token after `#`, which is never sent to a server. */
export function withHiddenShare(url: URL): URL {
  const share = url.searchParams.get(SHARE);
  if (share === null) return url;
  url.searchParams.delete(SHARE);
  url.hash = new URLSearchParams({ [SHARE]: share }).toString();
  return url;
}
