import { QueryClient, type InfiniteData } from "@tanstack/react-query";
import { describe, expect, test, vi } from "vitest";
import type { Schemas, Search } from "../src/api/client";
import { keepTold, noteAnswer, noteSearch } from "../src/api/live";
import { searchQuery } from "../src/api/queries";

type Pages = InfiniteData<Schemas["SearchesOut"], string | null>;

const KEY = ["searches", "", "", "created", "desc"];
const pagesOf = (...searches: Search[]): Pages => ({ pages: [{ searches, cursor: null }], pageParams: [null] });
const search = (id: string, state: string, created: number) =>
  ({ id, state, created, title: "", program: "blastn", database: "16s" }) as unknown as Search;

describe("a list of searches", () => {
  test("keeps changes that arrive while it is read", async () => {
    const client = new QueryClient();
    const stop = keepTold(client);
    let answer: (pages: Pages) => void = () => undefined;
    const reading = client.query({ queryKey: KEY, queryFn: () => new Promise<Pages>((done) => (answer = done)) });
    noteSearch(client, search("a", "completed", 1));
    noteSearch(client, search("b", "queued", 2));
    answer(pagesOf(search("a", "running", 1)));
    await reading;
    await new Promise((done) => setTimeout(done));
    stop();

    const [page] = client.getQueryData<Pages>(KEY)?.pages ?? [];
    expect(page?.searches.map(({ id, state }) => [id, state])).toEqual([
      ["b", "queued"],
      ["a", "completed"],
    ]);
  });

  test("in another order is read again when a search appears or moves", async () => {
    vi.useFakeTimers();
    const client = new QueryClient();
    const byState = ["searches", "", "", "state", "asc"];
    client.setQueryData(byState, pagesOf(search("a", "running", 1)));
    noteSearch(client, { ...search("a", "running", 1), attempt: 2 });
    await vi.advanceTimersByTimeAsync(2000);
    expect(client.getQueryState(byState)?.isInvalidated).toBe(false);

    noteSearch(client, search("a", "completed", 1));
    noteSearch(client, search("b", "queued", 2));
    await vi.advanceTimersByTimeAsync(2000);
    vi.useRealTimers();

    expect(client.getQueryState(byState)?.isInvalidated).toBe(true);
    const [page] = client.getQueryData<Pages>(byState)?.pages ?? [];
    expect(page?.searches.map(({ id, state }) => [id, state])).toEqual([["a", "completed"]]);
  });
});

describe("a late answer", () => {
  test.each([
    ["cancelled", 1, "queued", 2],
    ["queued", 2, "completed", 2],
  ])("%s in attempt %i does not put back what is %s in attempt %i", (late, before, known, attempt) => {
    const client = new QueryClient();
    noteSearch(client, { ...search("a", known, 1), attempt });

    noteAnswer(client, { ...search("a", late, 1), attempt: before });

    expect(client.getQueryData(searchQuery("a").queryKey)?.state).toBe(known);
  });

  test("is used if it is newer", () => {
    const client = new QueryClient();
    noteSearch(client, { ...search("a", "running", 1), attempt: 1 });

    noteAnswer(client, { ...search("a", "cancelled", 1), attempt: 1 });
    noteAnswer(client, { ...search("a", "queued", 1), attempt: 2 });

    expect(client.getQueryData(searchQuery("a").queryKey)?.state).toBe("queued");
  });
});
