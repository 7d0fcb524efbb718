/** Columns of the descriptions, their widths, and this browser's choice of columns. */
import { useState } from "react";

/** Widths of grid tracks. */
export const WIDTHS = {
  names: "minmax(8rem, 1fr)",
  bit_score: "4.6rem",
  total_score: "4.8rem",
  coverage: "5.8rem",
  evalue: "4.4rem",
  identity: "4.4rem",
  length: "4.4rem",
  hsps: "3rem",
};
export type ColumnName = keyof typeof WIDTHS;
export const CHOOSABLE = Object.keys(WIDTHS) as ColumnName[];

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
