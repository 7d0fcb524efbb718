/** Output options: which of them each format accepts, and the equivalent BLAST+ commands. */
import { quoted, type Values } from "./options";

export const PAIRWISE = "0";
const LAST_PAIRWISE = 4;
const TABULAR: ReadonlySet<string> = new Set(["6", "7", "10"]);
/** Formats that only blastn prints. */
const OF_BLASTN: ReadonlySet<string> = new Set(["17"]);
/** Options without a value. */
export const OUTPUT_FLAGS: ReadonlySet<string> = new Set(["html", "show_gis"]);
/** Options that would also change the hits if the search itself had them. */
const COUNTS = ["num_descriptions", "num_alignments"] as const;

export interface OutputField {
  name: string;
  kind: "whole" | "flag" | "choice";
  /** Default value. */
  fallback: string;
  /** Largest number of the choices, which begin with 0. */
  last?: number;
}

const OF_PAIRWISE: readonly OutputField[] = [
  { name: "num_descriptions", kind: "whole", fallback: "500" },
  { name: "num_alignments", kind: "whole", fallback: "250" },
  { name: "line_length", kind: "whole", fallback: "60" },
  { name: "sorthits", kind: "choice", fallback: "0", last: 4 },
  { name: "html", kind: "flag", fallback: "" },
];
const OF_TEXT: readonly OutputField[] = [{ name: "sorthsps", kind: "choice", fallback: "0", last: 4 }];

export function isTabular(format: string): boolean {
  return TABULAR.has(format);
}

export function formatsOf<F extends readonly [string, string]>(formats: readonly F[], program: string): F[] {
  return formats.filter(([number]) => program === "blastn" || !OF_BLASTN.has(number));
}

/** Returns the chosen format, or text if the program does not print it. */
export function formatOf(values: Values, program: string): string {
  const chosen = values["outfmt"] ?? "";
  return chosen === "" || (OF_BLASTN.has(chosen) && program !== "blastn") ? PAIRWISE : chosen;
}

/** Returns the output options that a format accepts, except its columns. */
export function fieldsOf(format: string): readonly OutputField[] {
  if (Number(format) > LAST_PAIRWISE) return [];
  return format === PAIRWISE ? [...OF_PAIRWISE, ...OF_TEXT] : OF_PAIRWISE;
}

/** Returns the values to submit: those that the format accepts, without defaults. */
export function outputOf(values: Values, program: string): Record<string, string | boolean> {
  const format = formatOf(values, program);
  const columns = isTabular(format) ? (values["columns"] ?? "").trim().replace(/\s+/g, " ") : "";
  const outfmt = columns === "" ? format : `${format} ${columns}`;
  const given = fieldsOf(format).flatMap(({ name, kind }) => {
    const value = (values[name] ?? "").trim();
    return value === "" ? [] : [[name, kind === "flag" ? true : value] as const];
  });
  return { ...(outfmt === PAIRWISE ? {} : { outfmt }), ...Object.fromEntries(given) };
}

/** Returns the form's values for the output words of a search. */
export function outputValues(words: readonly string[]): Record<string, string> {
  const values: Record<string, string> = {};
  for (let at = 0; at < words.length; at += 1) {
    const name = (words[at] ?? "").replace(/^-/, "");
    values[name] = OUTPUT_FLAGS.has(name) ? "true" : (words[(at += 1)] ?? "");
  }
  const [format = "", ...columns] = (values["outfmt"] ?? "").split(" ");
  return { ...values, outfmt: format, columns: columns.join(" ") };
}

/**
 * Returns the commands of BLAST+ that print the same, one after the other: numbers of descriptions or alignments would
 * also change what is found, so that blast_formatter takes them. As core/printing.py of the service has it.
 */
export function commands(search: readonly string[], output: readonly string[]): string {
  if (!COUNTS.some((name) => output.includes(`-${name}`))) return line([...search, ...output]);
  const at = search.indexOf("-max_target_seqs");
  const left = COUNTS.filter((name) => at >= 0 && !output.includes(`-${name}`));
  const others = left.flatMap((name) => [`-${name}`, search[at + 1] ?? ""]);
  const archive = "search.asn";
  const first = line([...search, "-outfmt", "11", "-out", archive]);
  return `${first} && ${line(["blast_formatter", "-archive", archive, ...output, ...others])}`;
}

function line(words: readonly string[]): string {
  return words.map(quoted).join(" ");
}
