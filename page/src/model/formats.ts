/** Output options in the form: which of them a format takes. */
import { valuesOf, type Values } from "./options";

interface Format {
  number: number;
  /** Columns that may follow the number. */
  columns: readonly string[];
  /** Names of the options that it takes. */
  options: readonly string[];
}

interface Printing<F> {
  formats: readonly F[];
  output: readonly { name: string; kind: string }[];
}

const PAIRWISE = 0;

/** Returns the chosen format, or the first one if the program does not print it. */
export function formatOf<F extends Format>(formats: readonly F[], values: Values): F | undefined {
  return formats.find((one) => String(one.number) === values["outfmt"]) ?? formats[0];
}

/** Returns the name of the format that a search's output words choose. */
export function formatName(formats: readonly (Format & { name: string })[], words: readonly string[]): string {
  const at = words.indexOf("-outfmt");
  const outfmt = at < 0 ? "" : (words[at + 1]?.split(" ")[0] ?? "");
  return formatOf(formats, { outfmt })?.name ?? "";
}

/** Returns the values to submit: those that the format takes, without defaults. */
export function outputOf<F extends Format>(values: Values, { formats, output }: Printing<F>) {
  const format = formatOf(formats, values);
  if (format === undefined) return {};
  const columns = format.columns.length > 0 ? (values["columns"] ?? "").trim().replace(/\s+/g, " ") : "";
  const outfmt = `${format.number} ${columns}`.trim();
  const given = output.flatMap(({ name, kind }): [string, string | boolean][] => {
    const value = (values[name] ?? "").trim();
    return value === "" || !format.options.includes(name) ? [] : [[name, kind === "flag" ? true : value]];
  });
  return { ...(outfmt === String(PAIRWISE) ? {} : { outfmt }), ...Object.fromEntries(given) };
}

/** Returns the form's values for the output words of a search. */
export function outputValues(words: readonly string[], flags: ReadonlySet<string>): Record<string, string> {
  const values = valuesOf(words, flags);
  const [format = "", ...columns] = (values["outfmt"] ?? "").split(" ");
  return { ...values, outfmt: format, columns: columns.join(" ") };
}
