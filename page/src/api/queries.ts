/** What the page reads, by the keys of TanStack Query. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import type { ListOrder, ListSort } from "../addresses";
import type { HitFilter } from "../model/filter";
import { united } from "../model/pieces";
import type { StateName } from "../model/progress";
import { api, told, type Piece, type Schemas } from "./client";

const PAGE_OF_SEARCHES = 100;
const PAGE_OF_HITS = 500;
/** Enough for what is in sight: the fewer, the sooner. */
const FIRST_HITS = 100;
const PAGE_OF_QUERIES = 500;
export const SPANS_OF_HITS = 5000;

/** Whether what was shown before is of the same: whether its key begins alike. */
export function isOf(before: { queryKey: readonly unknown[] } | undefined, ...key: readonly unknown[]): boolean {
  return key.every((part, at) => before?.queryKey[at] === part);
}

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => told(api.GET("/api/v1/me", { signal })),
  retry: false,
});

export const waysQuery = queryOptions({
  queryKey: ["ways"],
  queryFn: ({ signal }) => told(api.GET("/auth/ways", { signal })),
  staleTime: Infinity,
});

export const programsQuery = queryOptions({
  queryKey: ["programs"],
  queryFn: ({ signal }) => told(api.GET("/api/v1/programs", { signal })),
  staleTime: Infinity,
});

export const databasesQuery = queryOptions({
  queryKey: ["databases"],
  queryFn: ({ signal }) => told(api.GET("/api/v1/databases", { signal })),
});

export const tasksQuery = queryOptions({
  queryKey: ["tasks"],
  queryFn: ({ signal }) => told(api.GET("/api/v1/tasks", { params: { query: { limit: 20 } }, signal })),
});

/** What else uses a database, or changes it: for whoever is about to remove it. */
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
  queryOptions({
    queryKey: ["search", id],
    queryFn: ({ signal }) => told(api.GET("/api/v1/searches/{search_id}", { params: place(id), signal })),
    staleTime: Infinity,
  });

export const piecesQuery = (id: string) =>
  queryOptions({
    queryKey: ["pieces", id],
    queryFn: async ({ signal, client, queryKey }) => {
      const read = await told(api.GET("/api/v1/searches/{search_id}/pieces", { params: place(id), signal }));
      return united(read, client.getQueryData<Piece[]>(queryKey) ?? []); // what was told meanwhile is not in the answer
    },
    staleTime: Infinity,
  });

export const runningQuery = (id: string) =>
  queryOptions({
    queryKey: ["running", id],
    queryFn: ({ signal }) => told(api.GET("/api/v1/searches/{search_id}/running", { params: place(id), signal })),
    staleTime: Infinity,
  });

export const logQuery = (id: string) =>
  queryOptions({
    queryKey: ["log", id],
    queryFn: ({ signal }) => told(api.GET("/api/v1/searches/{search_id}/log", { params: place(id), signal })),
    staleTime: Infinity,
  });

export const reportQuery = (id: string) =>
  queryOptions({
    queryKey: ["report", id],
    queryFn: ({ signal }) => told(api.GET("/api/v1/searches/{search_id}/report", { params: place(id), signal })),
    staleTime: Infinity,
  });

export const queriesQuery = (id: string, text: string) =>
  infiniteQueryOptions({
    queryKey: ["queries", id, text],
    queryFn: ({ pageParam, signal }) => {
      const query = { text, after: pageParam, limit: PAGE_OF_QUERIES };
      return told(api.GET("/api/v1/searches/{search_id}/queries", { params: { ...place(id), query }, signal }));
    },
    initialPageParam: 0,
    getNextPageParam: (page: Schemas["QueriesOut"]) => page.next,
    staleTime: Infinity,
  });

/** One query, by its number. */
export const queryQuery = (id: string, number: number) =>
  queryOptions({
    queryKey: ["query", id, number],
    queryFn: async ({ signal }) => {
      const query = { after: number, limit: 1 };
      const page = await told(
        api.GET("/api/v1/searches/{search_id}/queries", { params: { ...place(id), query }, signal }),
      );
      return page.rows[0] ?? null;
    },
    staleTime: Infinity,
  });

export interface HitsAsked {
  query: number;
  filter: HitFilter;
  sort: string;
}

/** The parts of a request for hits that are given. */
export function hitsAsked({ query, filter, sort }: HitsAsked) {
  const given = Object.entries(filter).filter(([, value]) => value !== undefined);
  return { query, sort, ...(Object.fromEntries(given) as Given<HitFilter>) };
}

type Given<T> = { [K in keyof T]?: NonNullable<T[K]> };

export const hitsQuery = (id: string, wanted: HitsAsked) =>
  infiniteQueryOptions({
    queryKey: ["hits", id, wanted.query, wanted.sort, wanted.filter],
    queryFn: ({ pageParam, signal }) => {
      const asked = { ...hitsAsked(wanted), after: pageParam, limit: pageParam === 0 ? FIRST_HITS : PAGE_OF_HITS };
      return told(api.GET("/api/v1/searches/{search_id}/hits", { params: { ...place(id), query: asked }, signal }));
    },
    initialPageParam: 0,
    getNextPageParam: (page: Schemas["HitsOut"]) => page.next,
    staleTime: Infinity,
  });

/** One hit, by its rank. */
export const hitQuery = (id: string, query: number, rank: number) =>
  queryOptions({
    queryKey: ["hit", id, query, rank],
    queryFn: async ({ signal }) => {
      const asked = { query, after: rank, limit: 1 };
      const page = await told(
        api.GET("/api/v1/searches/{search_id}/hits", { params: { ...place(id), query: asked }, signal }),
      );
      return page.rows[0] ?? null;
    },
    staleTime: Infinity,
  });

export const hspsQuery = (id: string, query: number, hit: number) =>
  infiniteQueryOptions({
    queryKey: ["hsps", id, query, hit],
    queryFn: ({ pageParam, signal }) => {
      const asked = { query, hit, after: pageParam, limit: 100 };
      return told(api.GET("/api/v1/searches/{search_id}/hsps", { params: { ...place(id), query: asked }, signal }));
    },
    initialPageParam: 0,
    getNextPageParam: (page: Schemas["HspsOut"]) => page.next,
    staleTime: Infinity,
  });

export const spansQuery = (id: string, query: number) =>
  queryOptions({
    queryKey: ["spans", id, query],
    queryFn: ({ signal }) => {
      const asked = { query, hits: SPANS_OF_HITS };
      return told(api.GET("/api/v1/searches/{search_id}/spans", { params: { ...place(id), query: asked }, signal }));
    },
    staleTime: Infinity,
  });

export const organismsQuery = (id: string, query: number) =>
  queryOptions({
    queryKey: ["organisms", id, query],
    queryFn: ({ signal }) => {
      const asked = { params: { ...place(id), query: { query } }, signal };
      return told(api.GET("/api/v1/searches/{search_id}/organisms", asked));
    },
    staleTime: Infinity,
  });

/** A part of a subject, 1-based with both ends; null for all of it. */
export type Region = { start: number; end: number; strand: "plus" | "minus" } | null;

/** A hit's subject as FASTA. */
export const subjectQuery = (id: string, query: number, hit: number, region: Region) =>
  queryOptions({
    queryKey: ["subject", id, query, hit, region],
    queryFn: ({ signal }) => {
      const asked = { query: String(query), hit: String(hit), ...region };
      const how = { params: { ...place(id), query: asked }, parseAs: "text", signal } as const;
      return told<string>(api.GET("/api/v1/searches/{search_id}/subjects", how));
    },
    staleTime: Infinity,
  });

export const sharesQuery = (id: string) =>
  queryOptions({
    queryKey: ["shares", id],
    queryFn: ({ signal }) => told(api.GET("/api/v1/searches/{search_id}/shares", { params: place(id), signal })),
  });
