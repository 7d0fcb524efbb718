/** The hits of a query, page by page, and the files of selected hits. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, told, type Hit, type Query, type Search } from "../api/client";
import { hitsAsked, hitsQuery, isOf, type HitsAsked } from "../api/queries";
import { fastaRecord } from "../model/fasta";
import { CHOOSABLE } from "./columns";

const AT_ONCE = 1000;

/** Properties of each view of a result. */
export interface OfQuery {
  search: Search;
  query: Query;
}

export function useHits(id: string, asked: HitsAsked) {
  const found = useInfiniteQuery({
    ...hitsQuery(id, asked),
    placeholderData: (known, before) => (isOf(before, "hits", id, asked.query) ? known : undefined),
  });
  const pages = found.data?.pages;
  const rows = useMemo(() => (pages ?? []).flatMap((page) => page.rows), [pages]);
  return { ...found, rows, total: pages?.[0]?.total ?? 0 };
}

/** Reads all matching hits, including those not scrolled to. */
export async function allHits(id: string, wanted: HitsAsked): Promise<Hit[]> {
  const found: Hit[] = [];
  let after: number | null = 0;
  while (after !== null) {
    const asked = { ...hitsAsked(wanted), after, limit: AT_ONCE };
    const page: { rows: readonly Hit[]; next: number | null } = await told(
      api.GET("/api/v1/searches/{search_id}/hits", { params: { path: { search_id: id }, query: asked } }),
    );
    found.push(...page.rows);
    after = page.next;
  }
  return found;
}

/** Returns a title without the id that BLAST+ repeats in it if the database has no parsed ids. */
export function titleOf({ title, subject }: Pick<Hit, "title" | "subject">): string {
  return title.startsWith(`${subject} `) ? title.slice(subject.length + 1) : title;
}

/** The output format of the aligned parts; the title comes last because it may contain tabs. */
export const ALIGNED = "6 saccver sstart send sseq stitle";

/** Returns the aligned parts of subjects as FASTA, one record per HSP. */
export function alignedFasta(table: string): string {
  const rows = table.split("\n").filter((row) => row !== "");
  return rows
    .map((row) => {
      const [subject = "", start = "", end = "", letters = "", ...title] = row.split("\t");
      return fastaRecord(`${subject}:${start}-${end} ${title.join("\t")}`, letters.replaceAll("-", ""));
    })
    .join("");
}

const [NAMES, ...NUMBERS] = CHOOSABLE;
const COLUMNS = ["subject", "title", NAMES ?? "names", "taxids", ...NUMBERS] as const;

export function hitsCsv(hits: readonly Hit[]): string {
  return csv(
    COLUMNS,
    hits.map((hit) => COLUMNS.map((name) => hit[name])),
  );
}

/** Returns rows as CSV (RFC 4180), with a quote before texts that spreadsheets would read as formulas. */
export function csv(columns: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  return [columns, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

function cell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
