/** Columns of the descriptions: which there are, how wide, and which are shown; remembered by this browser. */
import { useState } from "react";

export const CHOOSABLE = [
  "names",
  "bit_score",
  "total_score",
  "coverage",
  "evalue",
  "identity",
  "length",
  "hsps",
] as const;
export type ColumnName = (typeof CHOOSABLE)[number];

/** As grid tracks. */
export const WIDTHS: Record<ColumnName, string> = {
  names: "minmax(8rem, 1fr)",
  bit_score: "4.6rem",
  total_score: "4.8rem",
  coverage: "5.8rem",
  evalue: "4.4rem",
  identity: "4.4rem",
  length: "4.4rem",
  hsps: "3rem",
};

const KEY = "shardblast.columns";
const FIRST: readonly ColumnName[] = CHOOSABLE.filter((one) => one !== "names");

export function useColumns(): [readonly ColumnName[], (name: ColumnName) => void] {
  const [columns, setColumns] = useState(stored);
  const toggle = (name: ColumnName) => {
    const changed = CHOOSABLE.filter((one) => columns.includes(one) !== (one === name));
    localStorage.setItem(KEY, JSON.stringify(changed));
    setColumns(changed);
  };
  return [columns, toggle];
}

function stored(): readonly ColumnName[] {
  try {
    const known: unknown = JSON.parse(localStorage.getItem(KEY) ?? "null");
    return Array.isArray(known) ? CHOOSABLE.filter((one) => known.includes(one)) : FIRST;
  } catch {
    return FIRST;
  }
}
