// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  Outlet,
  RouterProvider,
} from "@tanstack/react-router";
import { act, cleanup, fireEvent, render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ReactNode } from "react";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { viewOf } from "../src/addresses";
import type { Hit, Hsp, Organism, Program, Query, Search } from "../src/api/client";
import {
  hitQuery,
  hitsQuery,
  hspsQuery,
  organismsQuery,
  queriesQuery,
  subjectQuery,
  type HitsAsked,
  programsQuery,
} from "../src/api/queries";
import { Alignments } from "../src/results/Alignments";
import { Descriptions } from "../src/results/Descriptions";
import { Downloads } from "../src/results/Downloads";
import { alignedFasta } from "../src/results/hits";
import { Organisms } from "../src/results/Organisms";
import { QueryList } from "../src/results/QueryList";
import { router as real } from "../src/routes";

const ID = "a".repeat(32);
const HITS = 300;
const PLACE = `/searches/${ID}`;
const search = { id: ID, program: "blastp", queries: 4, title: "A search", state: "completed" } as unknown as Search;
const query: Query = { number: 0, id: "one", length: 90, hits: HITS, hsps: HITS, verdict: "merged" };

beforeAll(() => {
  // What every browser has, and jsdom has not: sizes, by which lists know what is in sight.
  Object.defineProperty(Element.prototype, "clientHeight", { value: 600 });
  Object.defineProperty(Element.prototype, "clientWidth", { value: 900 });
  Element.prototype.scrollTo = () => undefined;
  window.scrollTo = () => undefined;
  globalThis.ResizeObserver = class {
    observe = () => undefined;
    unobserve = () => undefined;
    disconnect = () => undefined;
  };
});
afterEach(cleanup);

const hit = (rank: number): Hit => ({
  query: 0,
  rank,
  id: `id${rank}`,
  subject: `id${rank}`,
  title: `a protein ${rank}`,
  length: 120,
  taxids: "562",
  names: "Escherichia coli",
  evalue: 1e-20,
  bit_score: 100 - rank / 10,
  total_score: 100,
  coverage: 90,
  identity: 80,
  hsps: 1,
});

const hsp = (rank: number): Hsp => ({
  query: 0,
  rank,
  number: 0,
  evalue: 1e-20,
  bit_score: 100,
  raw_score: 250,
  identities: 2,
  positives: 3,
  length: 4,
  gaps: 0,
  gap_openings: 0,
  query_start: 1,
  query_end: 4,
  subject_start: 61,
  subject_end: 64,
  query_frame: 0,
  subject_frame: 0,
  coverage: 4,
  query_row: "MKLV",
  middle: "M+ V",
  subject_row: "MRWV",
});

interface Service {
  client: QueryClient;
  /** Has the service answer with so many of the first hits. */
  hits: (asked: Partial<HitsAsked>, total: number) => void;
}

function service(): Service {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const hits = (asked: Partial<HitsAsked>, total: number) => {
    const rows = Array.from({ length: Math.min(total, 100) }, (_, rank) => hit(rank));
    const key = hitsQuery(ID, { query: 0, filter: {}, sort: "rank", ...asked }).queryKey;
    client.setQueryData(key, { pages: [{ rows, next: null, total }], pageParams: [0] });
  };
  return { client, hits };
}

/** Shows something at an address, as the page does. */
async function show(client: QueryClient, address: string, shown: ReactNode) {
  const root = createRootRoute({ component: Outlet });
  const route = createRoute({
    getParentRoute: () => root,
    path: "/searches/$id",
    validateSearch: viewOf,
    component: () => shown,
  });
  const router = createRouter({
    routeTree: root.addChildren([route]),
    history: createMemoryHistory({ initialEntries: [address] }),
    parseSearch: real.options.parseSearch,
    stringifySearch: real.options.stringifySearch,
  });
  await act(() => router.load());
  render(
    <QueryClientProvider client={client}>
      <RouterProvider router={router as unknown as typeof real} />
    </QueryClientProvider>,
  );
  return { address: () => viewOf(router.state.location.search) };
}

describe("descriptions", () => {
  test("say how many rows there are, though few are drawn", async () => {
    const { client, hits } = service();
    hits({}, HITS);
    await show(client, PLACE, <Descriptions search={search} query={query} />);

    const table = screen.getByRole("table", { name: "Descriptions" });
    const rows = within(table).getAllByRole("row");
    expect(table.getAttribute("aria-rowcount")).toBe(String(HITS + 1));
    expect(rows.slice(0, 3).map((row) => row.getAttribute("aria-rowindex"))).toEqual(["1", "2", "3"]);
    expect(rows.length).toBeLessThan(100);
    expect(screen.getByText("300 hits")).toBeTruthy();
  });

  test("are filtered while the user types, and no key is lost", async () => {
    const { client, hits } = service();
    hits({}, HITS);
    for (const text of ["p", "pr", "pro"]) hits({ filter: { text } }, 7);
    const { address } = await show(client, PLACE, <Descriptions search={search} query={query} />);
    const field = screen.getByRole<HTMLInputElement>("searchbox", { name: "Find in ids and titles" });

    await userEvent.type(field, "pro", { delay: null });

    expect(field.value).toBe("pro");
    await expect.poll(() => address().text).toBe("pro");
    expect(await screen.findByText("7 of 300 hits")).toBeTruthy();
  });

  test("are filtered by numbers only if they are valid", async () => {
    const { client, hits } = service();
    hits({}, HITS);
    for (const evalue of [1, 1e-5]) hits({ filter: { evalue } }, 3);
    const { address } = await show(client, PLACE, <Descriptions search={search} query={query} />);
    const field = screen.getByRole<HTMLInputElement>("textbox", { name: "E value at most" });

    await userEvent.type(field, "1e-");
    await expect.poll(() => [field.value, address().evalue]).toEqual(["1e-", 1]);
    await userEvent.type(field, "5");
    await expect.poll(() => [field.value, address().evalue]).toEqual(["1e-5", 1e-5]);
    await userEvent.click(screen.getByRole("button", { name: "Clear the filter" }));

    await expect.poll(() => [field.value, address().evalue]).toEqual(["", undefined]);
  });

  test("show the filter of the address", async () => {
    const { client, hits } = service();
    hits({ filter: { identity: 90, organism: "562" } }, 0);
    await show(client, `${PLACE}?identity=90&organism=562`, <Descriptions search={search} query={query} />);

    expect(screen.getByRole<HTMLInputElement>("textbox", { name: "Identity % at least" }).value).toBe("90");
    expect(screen.getByText("No hits match the filter.")).toBeTruthy();
  });

  test("are selected one by one, and the selection can be saved", async () => {
    const { client, hits } = service();
    hits({}, HITS);
    await show(client, PLACE, <Descriptions search={search} query={query} />);

    await userEvent.click(screen.getByRole("checkbox", { name: "Select id2" }));
    await userEvent.click(screen.getByRole("checkbox", { name: "Select id4" }));
    expect(screen.getByText("Download 2 selected")).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "Select none" }));

    expect(screen.getByText("Download hits")).toBeTruthy();
    expect(screen.getByRole<HTMLInputElement>("checkbox", { name: "Select id2" }).checked).toBe(false);
  });
});

describe("alignments", () => {
  async function alignments(address: string) {
    const { client } = service();
    for (const rank of [0, 1, 2]) {
      client.setQueryData(hitQuery(ID, 0, rank).queryKey, hit(rank));
      const pages = [{ rows: [hsp(rank)], next: null }];
      client.setQueryData(hspsQuery(ID, 0, rank).queryKey, { pages, pageParams: [0] });
    }
    client.setQueryData(subjectQuery(ID, 0, 1, { start: 11, end: 114, strand: "plus" }).queryKey, ">id1:11-114\nMKV\n");
    const shown = <Alignments search={search} query={{ ...query, hits: 3 }} />;
    return show(client, address, shown);
  }

  test("show the line that BLAST+ prints between the rows", async () => {
    await alignments(`${PLACE}?view=alignments`);

    expect(screen.getByRole("region", { name: "HSP 1 of 1" }).textContent).toContain("M+ V");
  });

  test("stay in place while the number of the hit is typed", async () => {
    const { address } = await alignments(`${PLACE}?view=alignments&hit=1`);
    const field = screen.getByRole<HTMLInputElement>("spinbutton", { name: /^Hit/ });

    await userEvent.clear(field);
    expect([field.value, address().hit]).toEqual(["", 1]);
    await userEvent.type(field, "3");

    await expect.poll(() => [field.value, address().hit]).toEqual(["3", 2]);
  });

  test("move to the next hit with a key", async () => {
    const { address } = await alignments(`${PLACE}?view=alignments`);
    const region = screen.getByRole("region", { name: "Alignments" });
    const field = screen.getByRole<HTMLInputElement>("spinbutton", { name: /^Hit/ });

    for (const key of "jj") fireEvent.keyDown(region, { key }); // quicker than they are drawn

    await expect.poll(() => [address().hit, field.value]).toEqual([2, "3"]);
    fireEvent.keyDown(region, { key: "k" });
    await expect.poll(() => [address().hit, field.value]).toEqual([1, "2"]);
  });

  test("load the subject's sequence on request", async () => {
    await alignments(`${PLACE}?view=alignments&hit=1`);
    expect(screen.queryByText(/>id1:11-114/)).toBeNull();

    await userEvent.click(screen.getByRole("button", { name: "Aligned region" }));

    expect(screen.getByText(/>id1:11-114/)).toBeTruthy();
    expect(screen.getByRole<HTMLInputElement>("spinbutton", { name: "From" }).value).toBe("11");
    expect(screen.queryByRole("combobox", { name: "Strand" })).toBeNull();
  });
});

describe("organisms", () => {
  const organism = (taxid: number, name: string, level: number, parent: number | null): Organism => ({
    ...{ taxid, name, level, parent, via: [], hits: 9 - level, own_hits: 1, bit_score: 90, evalue: 1e-9 },
  });
  const rows = [
    organism(2, "Bacteria", 0, null),
    organism(562, "Escherichia coli", 1, 2),
    organism(83333, "Escherichia coli K-12", 2, 562),
    organism(9606, "Homo sapiens", 0, null),
  ];

  async function organisms(hasLineages: boolean) {
    const { client } = service();
    client.setQueryData(organismsQuery(ID, 0).queryKey, { rows, unknown: 2, has_lineages: hasLineages });
    return show(client, PLACE, <Organisms search={search} query={query} />);
  }

  const shown = () =>
    screen.getAllByRole("row").flatMap((row) => within(row).queryAllByRole("gridcell")[0]?.textContent ?? []);

  test("are a tree that opens and closes by keyboard", async () => {
    const { address } = await organisms(true);
    const tree = screen.getByRole("treegrid", { name: "Taxonomy" });
    tree.focus();
    await userEvent.keyboard("{ArrowDown}{ArrowLeft}");
    expect(shown()).toEqual(["▾Bacteria", "▸Escherichia coli", "Homo sapiens"]);
    expect(tree.getAttribute("aria-activedescendant")).toBe("organism-1");
    await userEvent.keyboard("{ArrowLeft}{ArrowLeft}{End}");
    expect(shown()).toEqual(["▸Bacteria", "Homo sapiens"]);
    await userEvent.keyboard("{Home}{ArrowRight}{ArrowRight}{ArrowRight}{ArrowRight}{Enter}");

    expect(shown()).toEqual(["▾Bacteria", "▾Escherichia coli", "Escherichia coli K-12", "Homo sapiens"]);
    await expect.poll(address).toMatchObject({ view: "descriptions", organism: "83333" });
  });

  test("are a list, with the reason, where lineages are unknown", async () => {
    await organisms(false);

    expect(screen.getByText(/taxonomy4blast.sqlite3/)).toBeTruthy();
    expect(screen.getByText("2 more hits have no taxid.")).toBeTruthy();
    expect(screen.getAllByRole("row")[1]?.getAttribute("aria-level")).toBeNull();
  });
});

describe("queries", () => {
  test("that are selected are in the address and in the download", async () => {
    const { client } = service();
    const rows = Array.from({ length: 4 }, (_, number) => ({ ...query, number, id: `q${number}` }));
    client.setQueryData(queriesQuery(ID, "").queryKey, { pages: [{ rows, next: null }], pageParams: [0] });
    const tabular = { number: 6, name: "Tabular", suffix: "tsv", columns: ["qaccver"] };
    client.setQueryData(programsQuery.queryKey, [{ name: search.program, formats: [tabular] } as Program]);
    const { address } = await show(
      client,
      PLACE,
      <>
        <Downloads search={search} />
        <QueryList search={search} chosen={0} />
      </>,
    );

    for (const id of ["q0", "q3", "q2"]) fireEvent.click(screen.getByRole("checkbox", { name: `Select query ${id}` }));
    await userEvent.click(screen.getByText("Download"));
    await userEvent.click(await screen.findByRole("radio", { name: "Selected (3)" }));

    expect(address().selected).toBe("0,2-3");
    const link = screen.getByRole<HTMLAnchorElement>("link", { name: "Tabular .tsv 6" });
    expect(new URL(link.href).searchParams.get("query")).toBe("0,2-3");
  });
});

describe("aligned FASTA", () => {
  test("is made of the rows of a table, without gaps and with the whole title", () => {
    const table = "s1\t9\t5\tAC-GT\ta\ttitle\ns2\t1\t2\tAC\t\n";
    expect(alignedFasta(table)).toBe(">s1:9-5 a\ttitle\nACGT\n>s2:1-2 \nAC\n");
    expect(alignedFasta("")).toBe("");
  });
});
