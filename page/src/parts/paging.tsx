/** Pages that are read while a list is scrolled. */
import { useVirtualizer, type VirtualItem } from "@tanstack/react-virtual";
import { useEffect, useRef, type ReactNode } from "react";

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

interface Shown<T> {
  items: readonly VirtualItem[];
  rows: readonly T[];
  /** Height of all rows. */
  heightPx: number;
  role?: string;
  children: (row: T, item: VirtualItem) => ReactNode;
}

/** The rows in sight, in an element as high as all rows. */
export function Visible<T>({ items, rows, heightPx, role, children }: Shown<T>) {
  return (
    <div className="sized" role={role} style={{ height: heightPx }}>
      {items.map((item) => {
        const row = rows[item.index];
        return row !== undefined && children(row, item);
      })}
    </div>
  );
}

/** Reads the next page when the last known row is visible; a failed read is not repeated automatically. */
function useNextPage(pages: Pages, lastInSight: number, rows: number): void {
  const { hasNextPage, isFetching, isError, fetchNextPage } = pages;
  const isWanted = hasNextPage && !isFetching && !isError && lastInSight >= rows - 1;
  useEffect(() => {
    if (isWanted) void fetchNextPage({ cancelRefetch: false });
  }, [isWanted, fetchNextPage]);
}
