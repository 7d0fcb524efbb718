/** BLAST+ options in the form and on a command line. */
import type { ProgramName } from "./program";

/** Options that the form shows first, in this order; the others are under "All other options". */
export const COMMON: Record<ProgramName, readonly string[]> = {
  blastn: ["evalue", "max_target_seqs", "word_size", "perc_identity", "qcov_hsp_perc", "dust", "strand"],
  blastp: ["evalue", "max_target_seqs", "word_size", "matrix", "comp_based_stats", "qcov_hsp_perc", "seg"],
  blastx: ["evalue", "max_target_seqs", "word_size", "matrix", "query_gencode", "strand", "seg"],
  tblastn: ["evalue", "max_target_seqs", "word_size", "matrix", "db_gencode", "comp_based_stats", "seg"],
  tblastx: ["evalue", "max_target_seqs", "word_size", "matrix", "query_gencode", "db_gencode", "strand"],
};

/** Options with their own fields in the form. */
export const ELSEWHERE: ReadonlySet<string> = new Set(["task", "taxids", "negative_taxids"]);

/** Default word sizes of tasks. Source: BLAST Command Line Applications User Manual, appendix C. */
const WORD_SIZES: Record<string, number> = {
  megablast: 28,
  "dc-megablast": 11,
  blastn: 11,
  "blastn-short": 7,
  rmblastn: 11,
  blastp: 3,
  "blastp-short": 2,
  "blastp-fast": 6,
  blastx: 3,
  "blastx-fast": 6,
  tblastn: 3,
  "tblastn-fast": 6,
  tblastx: 3,
};

/** Options whose default depends on the task or matrix. */
export const BY_TASK: ReadonlySet<string> = new Set([
  ...["word_size", "gapopen", "gapextend", "matrix", "reward", "penalty", "threshold", "window_size"],
  ...["xdrop_ungap", "xdrop_gap", "xdrop_gap_final", "min_raw_gapped_score", "template_type", "template_length"],
]);

interface Described {
  name: string;
  default: string | null;
}

/** Returns the default of an option; null if it depends on other options. */
export function defaultOf(option: Described, task: string): string | null {
  const size = option.name === "word_size" ? WORD_SIZES[task] : undefined;
  return option.default ?? (size === undefined ? null : String(size));
}

export type Values = Readonly<Record<string, string>>;

/** Returns the values to submit, without empty ones and defaults. */
export function given(values: Values, known: ReadonlySet<string>): Record<string, string | boolean> {
  const entries = Object.entries(values).filter(([name, value]) => known.has(name) && value.trim() !== "");
  return Object.fromEntries(entries.map(([name, value]) => [name, value === "true" ? true : value.trim()]));
}

/** Quotes a value for a POSIX shell. */
export function quoted(word: string): string {
  return /^[A-Za-z0-9_./:=,+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Returns commands as one line of a POSIX shell. */
export function commandLine(commands: readonly (readonly string[])[]): string {
  return commands.map((words) => words.map(quoted).join(" ")).join(" && ");
}

/** Returns the form's values for the option words of a search. */
export function valuesOf(words: readonly string[], flags: ReadonlySet<string>): Record<string, string> {
  const values: Record<string, string> = {};
  for (let at = 0; at < words.length; at += 1) {
    const name = (words[at] ?? "").replace(/^-/, "");
    if (flags.has(name)) values[name] = "true";
    else values[name] = words[(at += 1)] ?? "";
  }
  return values;
}
