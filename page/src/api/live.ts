/** Keeps the page's data up to date by the service's event streams. */
import { useQueryClient, type InfiniteData, type QueryClient, type QueryKey } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { Piece, RunningPiece, Schemas, Search } from "./client";
import type { ListOrder, ListSort } from "../addresses";
import { runningAfter, united } from "../model/pieces";
import { follow, type Connection, type Told } from "./events";
import { logQuery, piecesQuery, runningQuery, searchQuery } from "./queries";

type Pages = InfiniteData<Schemas["SearchesOut"], string | null>;

export function isOver(state: Search["state"]): boolean {
  return state === "completed" || state === "failed" || state === "cancelled";
}

/** Returns whether processes of a search may be running. */
export function isUnderWay(state: Search["state"]): boolean {
  return state === "running" || state === "cancelling";
}

export function isCancellable(state: Search["state"]): boolean {
  return state === "queued" || state === "running";
}

/** Follows a search to its end, and returns the state of the connection. */
export function useLiveSearch(id: string, state: Search["state"] | undefined): Connection {
  const client = useQueryClient();
  const readAgain = () => void client.invalidateQueries(searchQuery(id));
  const onEvent = (event: Told) => {
    if (event.kind === "deleted") {
      readAgain();
      return true;
    }
    noteRunning(client, id, event);
    if (event.kind === "piece") notePiece(client, id, event.data as Piece);
    if (event.kind === "warning") void client.invalidateQueries(logQuery(id));
    if (event.kind !== "snapshot" && event.kind !== "search") return false;
    const search = event.data as Search;
    const known = client.getQueryData(searchQuery(id).queryKey);
    client.setQueryData(searchQuery(id).queryKey, search);
    if (event.kind === "snapshot") void client.invalidateQueries(piecesQuery(id));
    if (event.kind === "snapshot") void client.invalidateQueries(runningQuery(id));
    if (known === undefined || isLogged(known, search)) void client.invalidateQueries(logQuery(id));
    return isOver(search.state);
  };
  const isLive = state !== undefined && !isOver(state);
  return useStream(isLive ? `/api/v1/searches/${id}/events` : null, onEvent, readAgain);
}

/** Returns whether more changed than counts, so that the log has a new entry. */
function isLogged(before: Search, after: Search): boolean {
  const told = ({ state, attempt, shards, phases, waiting }: Search) =>
    JSON.stringify([state, attempt, shards, phases.map(({ status }) => status), waiting]);
  return told(before) !== told(after);
}

/** Updates the running pieces, if they have been read. */
function noteRunning(client: QueryClient, id: string, { kind, data }: Told): void {
  const { queryKey } = runningQuery(id);
  const isRead = client.getQueryState(queryKey)?.fetchStatus === "fetching";
  if (!["started", "stopped", "searching", "piece"].includes(kind)) return;
  if (isRead) {
    void client.invalidateQueries({ queryKey }); // the answer may be older than the event
    return;
  }
  client.setQueryData(queryKey, (known) => known && runningAfter(known, kind, data as RunningPiece));
}

/** Adds a finished piece, if the pieces have been or are being read. */
function notePiece(client: QueryClient, id: string, piece: Piece): void {
  const { queryKey } = piecesQuery(id);
  const state = client.getQueryState(queryKey);
  if (state?.data === undefined && state?.fetchStatus !== "fetching") return;
  client.setQueryData(queryKey, (known = []) => united(known, [piece]));
}

/** Follows all searches: listed ones are updated in place, new ones are added on top. */
export function useLiveSearches(): Connection {
  const client = useQueryClient();
  useEffect(() => keepTold(client), [client]);
  return useStream("/api/v1/searches/events", (event) => {
    if (event.kind === "reload") {
      told.clear();
      void client.invalidateQueries({ queryKey: LISTS });
    }
    if (event.kind === "deleted") noteInLists(client, (event.data as { id: string }).id, null);
    if (event.kind === "search") noteSearch(client, event.data as Search);
    return false;
  });
}

export function noteSearch(client: QueryClient, search: Search): void {
  client.setQueryData(searchQuery(search.id).queryKey, search);
  noteInLists(client, search.id, search);
}

const STAGES: Record<Search["state"], number> = {
  queued: 0,
  running: 1,
  cancelling: 2,
  completed: 3,
  failed: 3,
  cancelled: 3,
};

/** Stores the answer to a command, unless events have already reported a later state. */
export function noteAnswer(client: QueryClient, search: Search): void {
  const known = client.getQueryData(searchQuery(search.id).queryKey);
  const isLate =
    known !== undefined && (known.attempt - search.attempt || STAGES[known.state] - STAGES[search.state]) > 0;
  if (!isLate) noteSearch(client, search);
}

const LISTS = ["searches"];
type ListKey = readonly [list: string, state: string, text: string, sort: ListSort, order: ListOrder];

/** Searches that changed while lists were being read, since these answers may be older; null if deleted. */
const told = new Map<string, Search | null>();

function noteInLists(client: QueryClient, id: string, search: Search | null): void {
  if (client.isFetching({ queryKey: LISTS }) > 0) told.set(id, search);
  for (const { queryKey } of client.getQueryCache().findAll({ queryKey: LISTS }))
    noteInList(client, queryKey, id, search);
}

function noteInList(client: QueryClient, queryKey: QueryKey, id: string, search: Search | null): void {
  const listed = queryKey as ListKey;
  const [, , , sort, order] = listed;
  const known = client.getQueryData<Pages>(queryKey);
  if (known === undefined) return;
  if (search !== null && !(sort === "created" && order === "desc") && isMoved(known, search, sort)) {
    readSoon(client, queryKey);
  }
  const changed = search === null ? without(known, id) : withSearch(known, search, listed);
  client.setQueryData<Pages>(queryKey, changed);
}

const VALUES: Record<ListSort, (search: Search) => unknown> = {
  created: (search) => search.created,
  title: (search) => search.title,
  database: (search) => search.database,
  state: (search) => search.state,
  elapsed: (search) => search.finished,
  queries: (search) => search.queries,
  hits: (search) => search.hits,
};

/** Returns whether a search is missing from a list, or has another value in the list's sort column. */
function isMoved(pages: Pages, search: Search, sort: ListSort): boolean {
  const known = pages.pages.flatMap((page) => page.searches).find((one) => one.id === search.id);
  return known === undefined || VALUES[sort](known) !== VALUES[sort](search);
}

const READ_AGAIN_MS = 1000;
const waiting = new Set<string>();

/** Reads a list again whose order only the service knows, at most once per second. */
function readSoon(client: QueryClient, queryKey: QueryKey): void {
  const name = JSON.stringify(queryKey);
  if (waiting.has(name)) return;
  waiting.add(name);
  setTimeout(() => {
    waiting.delete(name);
    void client.invalidateQueries({ queryKey, exact: true });
  }, READ_AGAIN_MS);
}

/** Applies the noted changes to answers that were under way when the changes came. */
export function keepTold(client: QueryClient): () => void {
  return client.getQueryCache().subscribe((event) => {
    if (event.type !== "updated" || event.action.type !== "success" || event.action.manual === true) return;
    const queryKey = event.query.queryKey as QueryKey;
    if (queryKey[0] !== LISTS[0]) return;
    for (const [id, search] of told) noteInList(client, queryKey, id, search);
    if (client.isFetching({ queryKey: LISTS }) === 0) told.clear();
  });
}

/** Returns the pages with a search updated, or added on top of a list of the newest. */
function withSearch(pages: Pages, search: Search, [, state, text, sort, order]: ListKey): Pages {
  const belongs = (state === "" || state === search.state) && holds(search, text);
  const isListed = pages.pages.some((page) => page.searches.some((one) => one.id === search.id));
  if (!belongs) return isListed ? without(pages, search.id) : pages;
  const [first, ...others] = pages.pages;
  if (isListed) {
    const changed = (page: Schemas["SearchesOut"]) => ({
      ...page,
      searches: page.searches.map((one) => (one.id === search.id ? search : one)),
    });
    return { ...pages, pages: pages.pages.map(changed) };
  }
  if (sort !== "created" || order !== "desc") return pages;
  const newest = first?.searches[0];
  if (first === undefined || (newest !== undefined && newest.created > search.created)) return pages;
  return { ...pages, pages: [{ ...first, searches: [search, ...first.searches] }, ...others] };
}

function holds(search: Search, text: string): boolean {
  const wanted = text.toLowerCase();
  return [search.title, search.program, search.database, search.id].some((one) => one.toLowerCase().includes(wanted));
}

function without(pages: Pages, id: string): Pages {
  const kept = (page: Schemas["SearchesOut"]) => ({ ...page, searches: page.searches.filter((one) => one.id !== id) });
  return { ...pages, pages: pages.pages.map(kept) };
}

/** Follows a stream while there is a path, and returns the state of the connection. */
export function useStream(
  path: string | null,
  onEvent: (event: Told) => boolean,
  onRefused: (error: Error) => void = () => undefined,
): Connection {
  const [connection, setConnection] = useState<Connection>("connecting");
  useEffect(() => {
    if (path === null) return;
    const stop = new AbortController();
    const refuse = (error: Error) => {
      setConnection("refused");
      onRefused(error);
    };
    follow(path, { signal: stop.signal, onEvent, onConnection: setConnection }).catch(refuse);
    return () => stop.abort();
    // The callbacks depend on the path alone.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [path]);
  return path === null ? "live" : connection;
}
