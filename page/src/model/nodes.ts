/** Totals of nodes, and maps of the volumes that they hold. */
import type { components } from "../api/schema";

type Node = components["schemas"]["NodeOut"];

interface Totals {
  connected: number;
  draining: number;
  lost: number;
  running: number;
  cores: number;
}

/** Returns the totals of the connected nodes. */
export function totals(nodes: readonly Node[]): Totals {
  const of = (state: Node["state"]) => nodes.filter((one) => one.state === state);
  const there = nodes.filter((one) => one.state !== "lost");
  const sum = (part: (node: Node) => number) => there.reduce((all, one) => all + part(one), 0);
  return {
    connected: of("connected").length,
    draining: of("draining").length,
    lost: of("lost").length,
    running: sum((one) => one.running),
    cores: sum((one) => one.cores),
  };
}

export interface Cell {
  /** Column of the volume. */
  at: number;
  name: string;
  sizeBytes: number;
  /** Share in memory; null if unknown. */
  resident: number | null;
}

export interface Row {
  node: string;
  state: Node["state"];
  cells: Cell[];
  staged: number;
  resident: number | null;
}

export interface DatabaseMap {
  database: string;
  generation: string;
  /** Number of volumes of the generation, which are the columns. */
  volumes: number;
  /** Number of volumes that no connected node holds. */
  missing: number;
  rows: Row[];
}

/** Returns a map of volumes by node for each generation that a node holds. */
export function mapsOf(nodes: readonly Node[]): DatabaseMap[] {
  const held = nodes.flatMap((node) => node.generations.map((generation) => ({ node, generation })));
  const keys = [...new Set(held.map(({ generation }) => `${generation.database}\n${generation.generation}`))].sort();
  return keys.map((key) => {
    const some = held.filter(({ generation: one }) => `${one.database}\n${one.generation}` === key);
    return mapOf(some);
  });
}

function mapOf(some: { node: Node; generation: Node["generations"][number] }[]): DatabaseMap {
  const names = [...new Set(some.flatMap(({ generation }) => generation.volumes.map((one) => one.name)))].sort();
  const columns = new Map(names.map((name, at) => [name, at]));
  const rows = some.map(({ node, generation }): Row => ({
    node: node.name,
    state: node.state,
    cells: generation.volumes.map((one) => ({
      at: columns.get(one.name) ?? 0,
      name: one.name,
      sizeBytes: one.size_bytes,
      resident: shareOf(one.resident_bytes, one.mapped_bytes),
    })),
    staged: generation.num_volumes === 0 ? 1 : generation.volumes.length / generation.num_volumes,
    resident: shareOf(generation.resident_bytes, generation.mapped_bytes),
  }));
  const there = rows.filter((row) => row.state !== "lost");
  const present = new Set(there.flatMap((row) => row.cells.map((cell) => cell.name)));
  const [first] = some;
  const volumes = Math.max(first?.generation.num_volumes ?? 0, names.length);
  return {
    database: first?.generation.database ?? "",
    generation: first?.generation.generation ?? "",
    volumes,
    missing: volumes - present.size,
    rows: rows.sort((one, other) => one.node.localeCompare(other.node, "en", { numeric: true })),
  };
}

function shareOf(part: number | null, whole: number): number | null {
  if (part === null) return null;
  return whole === 0 ? 1 : Math.min(1, part / whole);
}

/** Returns the nodes, sorted by name, with one of them replaced or added. */
export function withNode(nodes: readonly Node[], node: Node): Node[] {
  const others = nodes.filter((one) => one.name !== node.name);
  return [...others, node].sort((one, other) => one.name.localeCompare(other.name, "en", { numeric: true }));
}
