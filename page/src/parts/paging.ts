/** Pages that are read while a list is scrolled. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";

export interface Pages {
  hasNextPage: boolean;
  isFetching: boolean;
  isError: boolean;
  fetchNextPage: (how: { cancelRefetch: boolean }) => Promise<unknown>;
}

interface Scrolled {
  pages: Pages;
  /** Number of rows that were read. */
  read: number;
  /** Number of rows to show, if it differs. */
  rows?: number;
  rowPx: number;
  overscan: number;
  keyOf?: (at: number) => string | number;
}

/** Returns what a scrolled list of rows needs, and reads the next page when its last row is visible. */
export function useScrolled({ pages, read, rows = read, rowPx, overscan, keyOf = (at) => at }: Scrolled) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowPx,
    getItemKey: keyOf,
    overscan,
  });
  const items = virtual.getVirtualItems();
  useNextPage(pages, items.at(-1)?.index ?? 0, read);
  return { scroller, virtual, items };
}

/** Reads the next page when the last known row is visible; a failed read is not repeated automatically. */
function useNextPage(pages: Pages, lastInSight: number, rows: number): void {
  const { hasNextPage, isFetching, isError, fetchNextPage } = pages;
  const isWanted = hasNextPage && !isFetching && !isError && lastInSight >= rows - 1;
  useEffect(() => {
    if (isWanted) void fetchNextPage({ cancelRefetch: false });
  }, [isWanted, fetchNextPage]);
}
