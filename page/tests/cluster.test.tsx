// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ReactNode } from "react";
import { afterEach, describe, expect, test } from "vitest";
import type { Me, Node, Scaling, Task } from "../src/api/client";
import { toldOf, withTask, type Cluster } from "../src/api/liveCluster";
import { usesQuery } from "../src/api/queries";
import { shareOf, withHiddenShare, withShare } from "../src/addresses";
import { PhaseRow } from "../src/search/ProgressView";
import { Remove } from "../src/databases/Remove";
import { endOf } from "../src/databases/TaskEnds";
import { TaskRow } from "../src/databases/TaskList";
import { mapsOf, totals } from "../src/model/nodes";
import { Scale } from "../src/nodes/Scale";
import { ShardMap } from "../src/nodes/ShardMap";

afterEach(cleanup);
HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
};
HTMLDialogElement.prototype.close = function () {
  this.open = false;
};

function node(name: string, volumes: string[], more: Partial<Node> = {}): Node {
  const held = volumes.map((one) => ({ name: one, size_bytes: 100, mapped_bytes: 80, resident_bytes: 40 }));
  const generation = { database: "nt", generation: "1", in_place: false, num_volumes: 4, volumes: held };
  const sums = { size_bytes: 100 * held.length, mapped_bytes: 80 * held.length, resident_bytes: 40 * held.length };
  return {
    name,
    state: "connected",
    last_seen: 0,
    running: 1,
    cores: 4,
    memory_bytes: 1,
    disk_budget_bytes: 1,
    disk_used_bytes: 1,
    disk_free_bytes: 1,
    generations: held.length === 0 ? [] : [{ ...generation, ...sums }],
    ...more,
  };
}

describe("nodes", () => {
  test("change one by one with each event", () => {
    let known: Cluster = { nodes: null, scaling: null };
    const tell = (kind: string, data: unknown) => (known = toldOf(known, { kind, data }));
    tell("nodes", [node("n-10", []), node("n-2", [])]);
    expect(known.nodes?.map((one) => one.name)).toEqual(["n-2", "n-10"]);
    tell("node", node("n-2", [], { state: "lost" }));
    tell("node", node("n-3", []));
    expect(known.nodes?.map((one) => [one.name, one.state])).toEqual([
      ["n-2", "lost"],
      ["n-3", "connected"],
      ["n-10", "connected"],
    ]);
    tell("gone", { name: "n-3" });
    tell("scaling", { is_possible: false });
    tell("something newer", {});
    expect(known.nodes?.map((one) => one.name)).toEqual(["n-2", "n-10"]);
    expect(known.scaling?.is_possible).toBe(false);
  });

  test("have cores and processes in total, without those that are lost", () => {
    const all = [node("a", []), node("b", [], { state: "draining" }), node("c", [], { state: "lost", running: 0 })];
    expect(totals(all)).toEqual({ connected: 1, draining: 1, lost: 1, running: 2, cores: 8 });
  });

  test("are drawn with their volumes, and volumes that no node has are counted", () => {
    const [map] = mapsOf([node("b", ["nt.01", "nt.02"]), node("a", ["nt.00"], { state: "lost" }), node("c", [])]);
    expect(map).toMatchObject({ database: "nt", volumes: 4, missing: 2 });
    expect(map?.rows.map((row) => [row.node, row.cells.map((cell) => cell.at)])).toEqual([
      ["a", [0]],
      ["b", [1, 2]],
    ]);
    if (map === undefined) return;
    render(<ShardMap map={map} />);

    expect(screen.getByText("No connected node has 2 of 4 volumes.")).toBeTruthy();
    expect(screen.getByRole("img", { name: "b: 2 of 4 volumes, 50% in memory" })).toBeTruthy();
    expect(screen.getByRole("img", { name: "a: 1 of 4 volumes, 50% in memory, lost" })).toBeTruthy();
    expect(screen.getByText("nt.01: on disk, 50% in memory")).toBeTruthy();
  });

  test("do not show memory if the kernel does not report it", () => {
    const one = node("a", ["nt.00"]);
    const unknown = one.generations.map((generation) => ({
      ...generation,
      resident_bytes: null,
      volumes: generation.volumes.map((volume) => ({ ...volume, resident_bytes: null })),
    }));
    const [map] = mapsOf([{ ...one, generations: unknown }]);
    expect(map?.rows[0]?.resident).toBeNull();
    expect(map?.rows[0]?.cells[0]?.resident).toBeNull();
  });
});

const SCALING: Scaling = {
  is_possible: true,
  asked: 3,
  ready: 2,
  needed: { nodes: 2, to_hold: 2, for_work: 1, busy: 0 },
  most: 8,
  idle_minutes: 30,
  problem: null,
};

function shown(children: ReactNode, client = new QueryClient()): void {
  render(<QueryClientProvider client={client}>{children}</QueryClientProvider>);
}

describe("the number of nodes", () => {
  test("is shown with its reason, and only administrators change it", async () => {
    shown(<Scale scaling={SCALING} mayScale={false} />);
    expect(screen.getByText("Requested").nextSibling?.textContent).toBe("3");
    expect(screen.getByText(/2 to hold databases, 1 for waiting work/)).toBeTruthy();
    expect(screen.queryByRole("spinbutton")).toBeNull();
    cleanup();

    shown(<Scale scaling={SCALING} mayScale={true} />);
    const field = screen.getByRole<HTMLInputElement>("spinbutton", { name: "Nodes" });
    const button = screen.getByRole<HTMLButtonElement>("button", { name: "Change" });
    expect([field.value, field.min, button.disabled]).toEqual(["3", "2", true]);
    await userEvent.clear(field);
    await userEvent.type(field, "5");
    expect([field.value, button.disabled]).toEqual(["5", false]);
  });

  test("is shown as fixed without Kubernetes", () => {
    const nothing = { asked: null, ready: null, needed: null, most: null, idle_minutes: null };
    shown(<Scale scaling={{ ...nothing, is_possible: false, problem: "One machine." }} mayScale={true} />);
    expect(screen.getByText("The number of nodes can't be changed here.")).toBeTruthy();
    expect(screen.getByText(/One machine\./)).toBeTruthy();
    expect(screen.queryByRole("button")).toBeNull();
  });

  test("is marked as stale when Kubernetes does not answer", () => {
    shown(<Scale scaling={{ ...SCALING, problem: "Kubernetes can't be asked." }} mayScale={false} />);
    expect(screen.getByText("Kubernetes can't be asked.")).toBeTruthy();
  });
});

const TASK = {
  id: "1",
  kind: "warm",
  database: "nt",
  owner: "ada",
  state: "running",
  created: 1,
  done: 0,
  total: 0,
} as Task;

describe("tasks", () => {
  test("are ordered by age, and change in place", () => {
    const tasks = withTask(withTask([TASK], { ...TASK, id: "3", created: 3 }), { ...TASK, id: "2", created: 2 });
    expect(tasks.map((one) => one.id)).toEqual(["3", "2", "1"]);
    expect(withTask(tasks, { ...TASK, id: "2", state: "completed" })[1]?.state).toBe("completed");
  });

  test("are announced with their outcome", () => {
    const ended = { ...TASK, failure: null, outcome: "All is in memory." };
    expect(endOf({ ...ended, state: "completed" })).toBe("Warming nt: completed. All is in memory.");
    const failure = { code: "input", problem: "It is no FASTA.", remedy: "Send FASTA." };
    expect(endOf({ ...TASK, state: "failed", outcome: null, failure })).toBe(
      "Warming nt: failed. It is no FASTA. Send FASTA.",
    );
  });

  test("are cancelled only by their owner and by administrators", () => {
    const me = (owner: string, ...scopes: string[]) => ({ owner, name: owner, by: "token", scopes }) as Me;
    const button = (who: Me | null) => {
      shown(<TaskRow task={{ ...TASK, failure: null, outcome: null, step: null }} now={5} me={who} />);
      const found = screen.queryByRole("button", { name: "Cancel: Warming nt" });
      cleanup();
      return found !== null;
    };
    expect(button(me("ada", "read", "search"))).toBe(true);
    expect(button(me("ada", "read"))).toBe(false);
    expect(button(me("bob", "read", "search"))).toBe(false);
    expect(button(me("bob", "search", "admin"))).toBe(true);
    expect(button(null)).toBe(false);
  });
});

describe("the removal of a database", () => {
  const asked = (use: object) => {
    const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } });
    client.setQueryData(usesQuery("nt").queryKey, use as never);
    shown(<Remove name="nt" onClose={() => undefined} onDone={() => undefined} />, client);
    return screen.getByRole<HTMLButtonElement>("button", { name: "Remove" });
  };

  test("is free where nothing uses it", () => {
    expect(asked({ searches: 0, results: 0, first: [], tasks: [] }).disabled).toBe(false);
    expect(screen.getByText("No search is using it.")).toBeTruthy();
  });

  test("waits for the end of the task that adds it", () => {
    expect(asked({ searches: 0, results: 0, first: [], tasks: [{ ...TASK, kind: "update" }] }).disabled).toBe(true);
    expect(screen.getByText(/It is being added or updated/)).toBeTruthy();
  });

  test("names the searches that it would cancel, and asks for confirmation", async () => {
    const button = asked({ searches: 25, results: 0, first: [], tasks: [TASK] });
    expect(button.disabled).toBe(true);
    expect(screen.getByText("25 searches use it:")).toBeTruthy();
    expect(within(screen.getByRole("list")).getByText("and 25 more")).toBeTruthy();
    await userEvent.click(screen.getByRole("checkbox", { name: "Cancel these searches and remove it" }));
    expect(button.disabled).toBe(false);
  });

  test("names the results that it would lose, and asks for confirmation", async () => {
    const button = asked({ searches: 0, results: 2, first: [], tasks: [] });
    expect(button.disabled).toBe(true);
    expect(screen.getByText("The results of 2 finished searches can't be printed without it.")).toBeTruthy();
    await userEvent.click(screen.getByRole("checkbox", { name: "Remove it anyway" }));
    expect(button.disabled).toBe(false);
  });
});

describe("a phase", () => {
  test.each([
    ["staging", 1024, 2048, "1.0 KiB / 2.0 KiB on disk"],
    ["warming", 0, 1024, "0 B / 1.0 KiB in memory"],
    ["searching", 0, 1, "0 / 1 piece"],
    ["merging", 1, 1000, "1 / 1,000 queries"],
  ] as const)("says once what it counts: %s", (name, done, total, said) => {
    shown(<PhaseRow phase={{ name, done, total, status: "running", started: 1, finished: null }} now={2} />);
    expect(screen.getByText(said)).toBeTruthy();
  });
});

describe("the token of a share link", () => {
  test("is a value for the router, and after # for the browser", () => {
    const seen = new URL("http://here/searches/1?view=report#share=sbs_a-b");
    expect(shareOf(seen)).toBe("sbs_a-b");
    const inner = withShare(new URL(seen));
    expect(inner.href).toBe("http://here/searches/1?view=report&share=sbs_a-b");
    expect(withHiddenShare(inner).href).toBe(seen.href);
  });

  test("is also read from old links", () => {
    const old = new URL("http://here/searches/1?share=x");
    expect(shareOf(old)).toBe("x");
    expect(withHiddenShare(withShare(old)).href).toBe("http://here/searches/1#share=x");
  });

  test("is absent elsewhere", () => {
    const other = "http://here/searches?text=a#top";
    expect(shareOf(new URL(other))).toBeNull();
    expect(withHiddenShare(withShare(new URL(other))).href).toBe(other);
  });
});
