/** The form of a new search, kept in this browser until it is submitted or its owner signs out. */
import { useEffect, useState } from "react";
import { LISTS, type ListName } from "../model/lists";
import type { Values } from "../model/options";
import type { ProgramName } from "../model/program";
import { isProgram } from "../model/program";
import { announce } from "../parts/notices";
import { texts } from "../texts";

const keyOf = (owner: string) => `shardblast.draft ${owner}`;
const SAVE_AFTER_MS = 300;

/** Maximum length of text; longer text becomes a file, which text fields would show slowly and drafts don't save. */
export const LONGEST_TEXT = 500_000;

interface Sent {
  name: string;
  content: Blob;
}

const COMPRESSED = [
  [0x1f, 0x8b], // gzip
  [0x28, 0xb5, 0x2f, 0xfd], // zstd
];

/** Returns whether a file is compressed. The service decompresses such files; the page does not read them. */
export async function isCompressed(content: Blob): Promise<boolean> {
  const first = new Uint8Array(await content.slice(0, 4).arrayBuffer());
  return COMPRESSED.some((start) => start.every((byte, at) => first[at] === byte));
}

/** Text, or a file that replaces it. */
export interface Given {
  text: string;
  file: Sent | null;
}

export type Lists = Readonly<Partial<Record<ListName, Given>>>;

export interface Draft extends Given {
  program: ProgramName | null;
  database: string;
  values: Values;
  lists: Lists;
  output: Values;
  title: string;
  exactness: "identical" | "complete";
  /** Id of the search from which the draft was made. */
  from: string | null;
}

/** The parts of a draft that may be files. */
export type Part = "query" | ListName;

export const NOTHING: Given = { text: "", file: null };

const NEW: Draft = {
  ...NOTHING,
  program: null,
  database: "",
  values: {},
  lists: {},
  output: {},
  title: "",
  exactness: "identical",
  from: null,
};

interface Known {
  draft: Draft;
  /** Files that were not saved with the draft. */
  lost: readonly Part[];
  isSpoilt: boolean;
}

/** Owner who signed out, whose draft must not be saved when the page is left. */
let left: string | null = null;

export function isEmpty(given: Given | undefined): boolean {
  return given === undefined || (given.file === null && given.text.trim() === "");
}

/** Returns the draft, a function that changes it, and its files that were not saved. */
export function useDraft(owner: string): [Draft, (change: Partial<Draft>) => void, readonly Part[]] {
  const [known] = useState(() => stored(owner));
  const [draft, setDraft] = useState(known.draft);
  useEffect(() => {
    if (known.isSpoilt) announce({ text: texts.new.draftSpoilt, isProblem: true });
  }, [known]);
  useEffect(() => {
    const save = () => store(owner, draft);
    const timer = setTimeout(save, SAVE_AFTER_MS);
    addEventListener("pagehide", save);
    return () => {
      clearTimeout(timer);
      removeEventListener("pagehide", save);
    };
  }, [owner, draft]);
  return [draft, (change) => setDraft((before) => ({ ...before, ...change })), known.lost];
}

/** Forgets the query but keeps the settings, since the next search is often similar. */
export function forgetQuery(owner: string, draft: Draft): void {
  store(owner, { ...draft, ...NOTHING, title: "", from: null });
}

/** Deletes a draft before another person uses this browser. */
export function forgetDraft(owner: string): void {
  left = owner;
  localStorage.removeItem(keyOf(owner));
  sentKey.forget(owner);
}

/** The Idempotency-Key of a submission without an answer; it survives a reload of the page. */
export const sentKey = {
  get: (owner: string) => localStorage.getItem(`shardblast.sent ${owner}`),
  set: (owner: string, key: string) => localStorage.setItem(`shardblast.sent ${owner}`, key),
  forget: (owner: string) => localStorage.removeItem(`shardblast.sent ${owner}`),
};

function store(owner: string, draft: Draft): void {
  if (owner === left) return;
  const given = Object.entries(draft.lists).filter(([, list]) => list.file === null);
  const lost = LISTS.filter((name) => (draft.lists[name]?.file ?? null) !== null);
  const kept = {
    ...draft,
    file: null,
    lists: Object.fromEntries(given.map(([name, list]) => [name, list.text])),
    lost: draft.file === null ? lost : ["query", ...lost],
  };
  try {
    localStorage.setItem(keyOf(owner), JSON.stringify(kept));
  } catch {
    localStorage.removeItem(keyOf(owner)); // larger than the browser keeps
  }
}

function stored(owner: string): Known {
  const text = localStorage.getItem(keyOf(owner));
  if (text === null) return { draft: NEW, lost: [], isSpoilt: false };
  const known = readDraft(text);
  if (known === null) localStorage.removeItem(keyOf(owner));
  return known === null ? { draft: NEW, lost: [], isSpoilt: true } : { ...known, isSpoilt: false };
}

/** Parses a saved draft, perhaps of another version of the page; returns null if it is not valid. */
export function readDraft(text: string): Omit<Known, "isSpoilt"> | null {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isRecord(found)) return null;
  const known: Record<string, unknown> = { ...NEW, lists: {}, lost: [], ...found };
  if (!Object.entries(FIELDS).every(([name, isRight]) => isRight(known[name]))) return null;
  const { lost, lists, ...kept } = known as unknown as Kept;
  const listed = LISTS.flatMap((name) =>
    name in lists ? [[name, { text: lists[name] ?? "", file: null }] as const] : [],
  );
  const parts = (["query", ...LISTS] as const).filter((one) => lost.includes(one));
  return { draft: { ...kept, file: null, lists: Object.fromEntries(listed) }, lost: parts };
}

/** A saved draft. */
type Kept = Omit<Draft, "file" | "lists"> & { lists: Record<string, string>; lost: string[] };

const FIELDS: Record<Exclude<keyof Kept, "file">, (value: unknown) => boolean> = {
  text: isText,
  program: (value) => value === null || (isText(value) && isProgram(value)),
  database: isText,
  values: isTexts,
  lists: isTexts,
  output: isTexts,
  title: isText,
  exactness: (value) => value === "identical" || value === "complete",
  from: (value) => value === null || isText(value),
  lost: (value) => Array.isArray(value) && value.every(isText),
};

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every(isText);
}
