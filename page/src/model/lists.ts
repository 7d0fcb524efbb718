/** Lists of ids or taxids that a search is restricted by, as the service takes them: content, one on each line. */

export const LISTS = ["seqidlist", "negative_seqidlist", "taxidlist", "negative_taxidlist"] as const;
export type ListName = (typeof LISTS)[number];

export function isList(name: string): name is ListName {
  return (LISTS as readonly string[]).includes(name);
}

/** Returns the name of a list's file in the command that is shown. */
export function listFile(name: ListName): string {
  return `${name}.txt`;
}

/** Counts the lines of a list that name something. */
export function entries(text: string): number {
  return text.match(/^[ \t]*\S/gm)?.length ?? 0;
}

/** Returns a search's options and the names of its lists, which stand among its words. */
export function withoutLists(values: Readonly<Record<string, string>>): [Record<string, string>, ListName[]] {
  const others = Object.entries(values).filter(([name]) => !isList(name));
  return [Object.fromEntries(others), LISTS.filter((name) => name in values)];
}
