/** Lists of ids or taxids that restrict a search. The service receives their content, one entry per line. */

export const LISTS = ["seqidlist", "negative_seqidlist", "taxidlist", "negative_taxidlist"] as const;
export type ListName = (typeof LISTS)[number];

function isList(name: string): name is ListName {
  return (LISTS as readonly string[]).includes(name);
}

/** Returns the file name of a list in the displayed command. */
export function listFile(name: ListName): string {
  return `${name}.txt`;
}

/** Counts the nonblank lines of a list. */
export function entries(text: string): number {
  return text.match(/^[ \t]*\S/gm)?.length ?? 0;
}

/** Splits a search's option values into options and names of lists. */
export function withoutLists(values: Readonly<Record<string, string>>): [Record<string, string>, ListName[]] {
  const others = Object.entries(values).filter(([name]) => !isList(name));
  return [Object.fromEntries(others), LISTS.filter((name) => name in values)];
}
