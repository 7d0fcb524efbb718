import { useEffect, useState } from "react";
import type { NewAddress } from "../addresses";
import { complain } from "../parts/actions";
import { api, headers, problemOf, told, type Program } from "../api/client";
import { withoutLists } from "../model/lists";
import { valuesOf } from "../model/options";
import { outputValues } from "../model/formats";
import { isProgram } from "../model/program";
import { announce } from "../parts/notices";
import { texts } from "../texts";
import { LONGEST_TEXT, type Draft, type Given, type Part } from "./draft";

interface Edited {
  address: NewAddress;
  programs: readonly Program[];
  draft: Draft;
  /** Files that were not saved with the draft. */
  lost: readonly Part[];
  change: (change: Partial<Draft>) => void;
}

/**
 * Fills the form from the address: from an earlier search, or with a database. A draft that was made in this way stays.
 * Returns whether the search is still being read; input would be lost until then.
 */
export function useEdited({ address: { from, database }, programs, draft, lost, change }: Edited): boolean {
  const isWhole = from !== undefined && draft.from === from && lost.length === 0;
  const [known, setKnown] = useState(isWhole ? from : undefined);
  useEffect(() => {
    if (isWhole) return;
    if (database !== undefined) change({ database });
    if (from === undefined) {
      if (lost.length > 0) announce({ text: texts.new.filesLost(lost.map(nameOf)), isProblem: true });
      return;
    }
    const isKept = draft.from === from;
    read(from, programs)
      .then((found) => change(isKept ? missing(found, draft, lost) : found), complain)
      .finally(() => setKnown(from));
    // Once for an address: later changes in the form stay.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [from, database]);
  return from !== undefined && from !== known;
}

function nameOf(part: Part): string {
  return part === "query" ? texts.new.query : texts.new.lists.names[part];
}

/** Returns the parts of a search that its draft lost. */
function missing(found: Draft, draft: Draft, lost: readonly Part[]): Partial<Draft> {
  const lists = Object.entries(found.lists).filter(([name]) => (lost as readonly string[]).includes(name));
  const query = lost.includes("query") ? { text: found.text, file: found.file } : {};
  return { ...query, lists: { ...draft.lists, ...Object.fromEntries(lists) } };
}

async function read(id: string, programs: readonly Program[]): Promise<Draft> {
  const search = await told(api.GET("/api/v1/searches/{search_id}", { params: { path: { search_id: id } } }));
  const program = programs.find((one) => one.name === search.program);
  const known = [...(program?.options ?? []), ...(program?.output ?? [])];
  const flags = new Set(known.filter((one) => one.kind === "flag").map((one) => one.name));
  const [values, lists] = withoutLists(valuesOf(search.options, flags));
  const [query, ...listed] = await Promise.all(
    ["query", ...lists.map((name) => `lists/${name}`)].map((what) => readGiven(search.id, what)),
  );
  return {
    text: query?.text ?? "",
    file: query?.file ?? null,
    program: isProgram(search.program) ? search.program : null,
    database: search.database,
    values,
    lists: Object.fromEntries(lists.flatMap((name, at) => (listed[at] === undefined ? [] : [[name, listed[at]]]))),
    output: outputValues(search.output, flags),
    title: search.title,
    exactness: search.exactness === "complete" ? "complete" : "identical",
    from: id,
  };
}

async function readGiven(id: string, what: string): Promise<Given> {
  const answer = await fetch(`/api/v1/searches/${id}/${what}`, { headers: headers() });
  if (!answer.ok) throw problemOf(answer.status, await answer.json().catch(() => null));
  const content = await answer.blob();
  if (content.size > LONGEST_TEXT) return { text: "", file: { name: texts.new.editOf, content } };
  return { text: await content.text(), file: null };
}
