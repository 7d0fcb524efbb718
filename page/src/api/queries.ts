/** The page's reads from the service, as options of TanStack Query. */
import { infiniteQueryOptions, queryOptions, useQuery, type QueryFunctionContext } from "@tanstack/react-query";
import type { ListOrder, ListSort } from "../addresses";
import type { HitFilter } from "../model/filter";
import { united } from "../model/pieces";
import type { StateName } from "../model/progress";
import { api, told, type Format, type Piece, type Schemas } from "./client";

const PAGE_OF_SEARCHES = 100;
const PAGE_OF_HITS = 500;
/** Enough to fill the view; fewer hits arrive sooner. */
const FIRST_HITS = 100;
const PAGE_OF_QUERIES = 500;
const SPANS_OF_HITS = 5000;

/** Returns whether the key of an earlier query begins with these parts. */
export function isOf(before: { queryKey: readonly unknown[] } | undefined, ...key: readonly unknown[]): boolean {
  return key.every((part, at) => before?.queryKey[at] === part);
}

/** Options of data that changes only by events, or never: it is read once. */
function readOnce<T>(queryKey: readonly unknown[], queryFn: (context: QueryFunctionContext) => Promise<T>) {
  return queryOptions({ queryKey, queryFn, staleTime: Infinity });
}

/** Options of a list that never changes, read page by page, each from where the one before ended. */
function pagesOnce<T extends { next: number | null }>(
  queryKey: readonly unknown[],
  read: (after: number, signal: AbortSignal) => Promise<T>,
) {
  return infiniteQueryOptions({
    queryKey,
    queryFn: ({ pageParam, signal }) => read(pageParam, signal),
    initialPageParam: 0,
    getNextPageParam: (page: T) => page.next,
    staleTime: Infinity,
  });
}

const READY_EVERY_MS = 15_000;

/** The parts of the service that are away. */
export const readyQuery = queryOptions({
  queryKey: ["ready"],
  queryFn: () => told(api.GET("/ready")),
  refetchInterval: READY_EVERY_MS,
  retry: false,
});

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => told(api.GET("/api/v1/me", { signal })),
  retry: false,
});

export const waysQuery = readOnce(["ways"], ({ signal }) => told(api.GET("/auth/ways", { signal })));
export const programsQuery = readOnce(["programs"], ({ signal }) => told(api.GET("/api/v1/programs", { signal })));

/** Returns the formats in which a search's result can be printed; none until they are read. */
export function useFormats({ program }: { program: string }): readonly Format[] {
  return useQuery(programsQuery).data?.find((one) => one.name === program)?.formats ?? [];
}

export const databasesQuery = queryOptions({
  queryKey: ["databases"],
  queryFn: ({ signal }) => told(api.GET("/api/v1/databases", { signal })),
});

export const tasksQuery = queryOptions({
  queryKey: ["tasks"],
  queryFn: ({ signal }) => told(api.GET("/api/v1/tasks", { params: { query: { limit: 20 } }, signal })),
});

/** The searches and tasks that use a database which is about to be removed. */
export const usesQuery = (name: string) =>
  queryOptions({
    queryKey: ["use", name],
    queryFn: ({ signal }) => told(api.GET("/api/v1/databases/{name}/use", { params: { path: { name } }, signal })),
    staleTime: 0,
  });

export interface Listed {
  state: StateName | undefined;
  text: string;
  sort: ListSort;
  order: ListOrder;
}

export const searchesQuery = ({ state, text, sort, order }: Listed) =>
  infiniteQueryOptions({
    queryKey: ["searches", state ?? "", text, sort, order],
    queryFn: ({ pageParam, signal }) => {
      const query = {
        limit: PAGE_OF_SEARCHES,
        text,
        sort,
        order,
        ...(state === undefined ? {} : { state }),
        ...(pageParam === null ? {} : { cursor: pageParam }),
      };
      return told(api.GET("/api/v1/searches", { params: { query }, signal }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page: Schemas["SearchesOut"]) => page.cursor,
  });

const place = (id: string) => ({ path: { search_id: id } });

export const searchQuery = (id: string) =>
  readOnce(["search", id], ({ signal }) =>
    told(api.GET("/api/v1/searches/{search_id}", { params: place(id), signal })),
  );

export const piecesQuery = (id: string) =>
  readOnce(["pieces", id], async ({ signal, client, queryKey }) => {
    const read = await told(api.GET("/api/v1/searches/{search_id}/pieces", { params: place(id), signal }));
    return united(read, client.getQueryData<Piece[]>(queryKey) ?? []); // events may have come since the answer was made
  });

export const runningQuery = (id: string) =>
  readOnce(["running", id], ({ signal }) =>
    told(api.GET("/api/v1/searches/{search_id}/running", { params: place(id), signal })),
  );

export const logQuery = (id: string) =>
  readOnce(["log", id], ({ signal }) =>
    told(api.GET("/api/v1/searches/{search_id}/log", { params: place(id), signal })),
  );

export const reportQuery = (id: string) =>
  readOnce(["report", id], ({ signal }) =>
    told(api.GET("/api/v1/searches/{search_id}/report", { params: place(id), signal })),
  );

export const queriesQuery = (id: string, text: string) =>
  pagesOnce(["queries", id, text], (after, signal) => {
    const query = { text, after, limit: PAGE_OF_QUERIES };
    return told(api.GET("/api/v1/searches/{search_id}/queries", { params: { ...place(id), query }, signal }));
  });

/** One query, by its number. */
export const queryQuery = (id: string, number: number) =>
  readOnce(["query", id, number], async ({ signal }) => {
    const params = { ...place(id), query: { after: number, limit: 1 } };
    return (await told(api.GET("/api/v1/searches/{search_id}/queries", { params, signal }))).rows[0] ?? null;
  });

export interface HitsAsked {
  query: number;
  filter: HitFilter;
  sort: string;
}

/** Returns the query parameters of a request for hits, without unset filters. */
export function hitsAsked({ query, filter, sort }: HitsAsked) {
  const given = Object.entries(filter).filter(([, value]) => value !== undefined);
  return { query, sort, ...(Object.fromEntries(given) as Given<HitFilter>) };
}

type Given<T> = { [K in keyof T]?: NonNullable<T[K]> };

export const hitsQuery = (id: string, wanted: HitsAsked) =>
  pagesOnce(["hits", id, wanted.query, wanted.sort, wanted.filter], (after, signal) => {
    const query = { ...hitsAsked(wanted), after, limit: after === 0 ? FIRST_HITS : PAGE_OF_HITS };
    return told(api.GET("/api/v1/searches/{search_id}/hits", { params: { ...place(id), query }, signal }));
  });

/** One hit, by its rank. */
export const hitQuery = (id: string, query: number, rank: number) =>
  readOnce(["hit", id, query, rank], async ({ signal }) => {
    const params = { ...place(id), query: { query, after: rank, limit: 1 } };
    return (await told(api.GET("/api/v1/searches/{search_id}/hits", { params, signal }))).rows[0] ?? null;
  });

export const hspsQuery = (id: string, query: number, hit: number) =>
  pagesOnce(["hsps", id, query, hit], (after, signal) => {
    const params = { ...place(id), query: { query, hit, after, limit: 100 } };
    return told(api.GET("/api/v1/searches/{search_id}/hsps", { params, signal }));
  });

export const spansQuery = (id: string, query: number) =>
  readOnce(["spans", id, query], ({ signal }) => {
    const params = { ...place(id), query: { query, hits: SPANS_OF_HITS } };
    return told(api.GET("/api/v1/searches/{search_id}/spans", { params, signal }));
  });

export const organismsQuery = (id: string, query: number) =>
  readOnce(["organisms", id, query], ({ signal }) => {
    const params = { ...place(id), query: { query } };
    return told(api.GET("/api/v1/searches/{search_id}/organisms", { params, signal }));
  });

/** A part of a subject, 1-based and inclusive; null for the full sequence. */
export type Region = { start: number; end: number; strand: "plus" | "minus" } | null;

/** A hit's subject as FASTA. */
export const subjectQuery = (id: string, query: number, hit: number, region: Region) =>
  readOnce(["subject", id, query, hit, region], ({ signal }) => {
    const params = { ...place(id), query: { query: String(query), hit: String(hit), ...region } };
    return told<string>(api.GET("/api/v1/searches/{search_id}/subjects", { params, parseAs: "text", signal }));
  });

export const sharesQuery = (id: string) =>
  queryOptions({
    queryKey: ["shares", id],
    queryFn: ({ signal }) => told(api.GET("/api/v1/searches/{search_id}/shares", { params: place(id), signal })),
  });
