/** Pages that are read as a list is scrolled. */
import { useEffect } from "react";

export interface Pages {
  hasNextPage: boolean;
  isFetching: boolean;
  isError: boolean;
  fetchNextPage: (how: { cancelRefetch: boolean }) => Promise<unknown>;
}

/** Reads the next page when the last row that is known is in sight: once, and not again by itself when that failed. */
export function useNextPage(pages: Pages, lastInSight: number, rows: number): void {
  const { hasNextPage, isFetching, isError, fetchNextPage } = pages;
  const isWanted = hasNextPage && !isFetching && !isError && lastInSight >= rows - 1;
  useEffect(() => {
    if (isWanted) void fetchNextPage({ cancelRefetch: false });
  }, [isWanted, fetchNextPage]);
}
