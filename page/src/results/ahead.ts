/** Reads a view's data before it is shown. */
import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { ViewAddress, ViewName } from "../addresses";
import { hitQuery, hitsQuery, hspsQuery, organismsQuery, spansQuery } from "../api/queries";
import { filterOf } from "../model/filter";

/** Reads a view's data when its tab has the focus or the pointer. */
export function readAhead(client: QueryClient, id: string, view: ViewName, address: ViewAddress): void {
  for (const reading of readings(client, id, view, address)) reading.catch(() => undefined); // the view shows errors
}

/** Reads the positions of HSPs, which take longest, when the browser is idle. */
export function useSpansAhead(id: string, query: number): void {
  const client = useQueryClient();
  useEffect(() => whenIdle(() => client.query(spansQuery(id, query)).catch(() => undefined)), [client, id, query]);
}

const SOON_MS = 200;

/** Returns a function that cancels the call. */
function whenIdle(act: () => unknown): () => void {
  if (!("requestIdleCallback" in globalThis)) {
    const timer = setTimeout(act, SOON_MS);
    return () => clearTimeout(timer);
  }
  const wish = requestIdleCallback(act);
  return () => cancelIdleCallback(wish);
}

function readings(client: QueryClient, id: string, view: ViewName, address: ViewAddress): Promise<unknown>[] {
  const { query = 0, hit = 0, sort = "rank" } = address;
  switch (view) {
    case "descriptions":
      return [client.infiniteQuery(hitsQuery(id, { query, filter: filterOf(address), sort }))];
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
