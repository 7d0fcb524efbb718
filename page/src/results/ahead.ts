/** What a view needs, read before it is shown. */
import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { ViewAddress, ViewName } from "../addresses";
import { hitQuery, hitsQuery, hspsQuery, organismsQuery, spansQuery } from "../api/queries";
import { filterOf } from "../model/filter";

/** Reads all of it as soon as a view seems to be wanted: when its tab has the focus or the pointer. */
export function readAhead(client: QueryClient, id: string, view: ViewName, address: ViewAddress): void {
  const { query = 0, hit = 0, sort = "rank" } = address;
  for (const reading of readings(client, id, view, query, hit, { query, filter: filterOf(address), sort }))
    reading.catch(() => undefined); // the view itself will tell
}

/** Reads what of many hits takes longest, where they lie, as soon as the browser has nothing else to do. */
export function useSpansAhead(id: string, query: number): void {
  const client = useQueryClient();
  useEffect(() => whenIdle(() => client.query(spansQuery(id, query)).catch(() => undefined)), [client, id, query]);
}

const SOON_MS = 200;

/** Returns what takes the wish back. */
function whenIdle(act: () => unknown): () => void {
  if (!("requestIdleCallback" in globalThis)) {
    const timer = setTimeout(act, SOON_MS);
    return () => clearTimeout(timer);
  }
  const wish = requestIdleCallback(act);
  return () => cancelIdleCallback(wish);
}

function readings(
  client: QueryClient,
  id: string,
  view: ViewName,
  query: number,
  hit: number,
  asked: Parameters<typeof hitsQuery>[1],
): Promise<unknown>[] {
  switch (view) {
    case "descriptions":
      return [client.infiniteQuery(hitsQuery(id, asked))];
    case "graphic":
      return [
        client.query(spansQuery(id, query)),
        client.infiniteQuery(hitsQuery(id, { query, filter: {}, sort: "rank" })),
      ];
    case "alignments":
      return [client.query(hitQuery(id, query, hit)), client.infiniteQuery(hspsQuery(id, query, hit))];
    case "distribution":
      return [client.query(spansQuery(id, query))];
    case "taxonomy":
      return [client.query(organismsQuery(id, query))];
    default:
      return [];
  }
}
