/** Requests of the form: preflight and submission. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { api, Problem, sendForm, told, type Preflight, type Search } from "../api/client";
import { asFasta } from "../model/fasta";
import { listFile, type ListName } from "../model/lists";
import { sentKey, type Given } from "./draft";

const CHECK_AFTER_MS = 400;
/** Interval and number of lookups of a submission whose answer was lost; the service may still be reading it. */
const LOOK_EVERY_MS = 2000;
const LOOKS = 10;

/** A search to check or submit, without its title. */
export interface Wanted {
  /** Changes whenever the content changes. */
  key: string;
  program: string;
  database: string;
  options: Readonly<Record<string, string | boolean>>;
  output: Readonly<Record<string, string | boolean>>;
  exactness: string;
  query: Blob;
  lists: readonly (readonly [ListName, Blob])[];
}

export function queryOf({ text, file }: Given): Blob {
  return file?.content ?? new Blob([asFasta(text)]);
}

export function listOf({ text, file }: Given): Blob {
  return file?.content ?? new Blob([text]);
}

function formOf(wanted: Wanted): FormData {
  const form = new FormData();
  form.set("program", wanted.program);
  form.set("database", wanted.database);
  form.set("options", JSON.stringify(wanted.options));
  form.set("output", JSON.stringify(wanted.output));
  form.set("exactness", wanted.exactness);
  form.set("query", wanted.query, "query.fa");
  for (const [name, content] of wanted.lists) form.set(name, content, listFile(name));
  return form;
}

/** Runs the service's preflight shortly after the last change. */
export function usePreflight(wanted: Wanted | null) {
  const settled = useSettled(wanted, CHECK_AFTER_MS);
  const found = useQuery({
    queryKey: ["preflight", settled?.key],
    queryFn: ({ signal }) => {
      if (settled === null) throw new Error("nothing is wanted");
      return sendForm<Preflight>("/api/v1/searches/preflight", formOf(settled), { signal });
    },
    enabled: settled !== null,
    staleTime: Infinity,
    gcTime: 0,
    retry: false,
    placeholderData: (known) => known,
  });
  return { ...found, isCurrent: settled === wanted && !found.isPlaceholderData };
}

function useSettled(wanted: Wanted | null, ms: number): Wanted | null {
  const [settled, setSettled] = useState<Wanted | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(wanted), ms);
    return () => clearTimeout(timer);
  }, [wanted, ms]);
  return wanted === null ? null : settled;
}

/** Submits a search once, even if it is sent again after an answer was lost. */
export function useSubmit(owner: string, wanted: Wanted | null, title: string, onSubmitted: (search: Search) => void) {
  const sent = useMemo(() => ({ key: newKey(), wanted, title }), [wanted, title]);
  return useMutation({
    mutationFn: () => {
      if (sent.wanted === null) throw new Error("nothing is wanted");
      const form = formOf(sent.wanted);
      form.set("title", sent.title);
      sentKey.set(owner, sent.key);
      return sendForm<Search>("/api/v1/searches", form, { headers: { "Idempotency-Key": sent.key } });
    },
    onSuccess: (search) => {
      sentKey.forget(owner);
      onSubmitted(search);
    },
    onError: (error) => {
      if (error instanceof Problem && error.status > 0) sentKey.forget(owner); // it was refused
    },
  });
}

/** Looks for a search that was submitted just before a reload, so that its answer was lost. */
export function useSubmittedBefore(owner: string, onFound: (search: Search) => void): void {
  const [key] = useState(() => sentKey.get(owner));
  const found = useQuery({
    queryKey: ["submitted", key],
    queryFn: async () => {
      const page = await told(api.GET("/api/v1/searches", { params: { query: { key } } }));
      return page.searches[0] ?? null;
    },
    enabled: key !== null,
    refetchInterval: ({ state }) => (state.data === null && state.dataUpdateCount < LOOKS ? LOOK_EVERY_MS : false),
  });
  const search = found.data ?? null;
  useEffect(() => {
    if (search === null || sentKey.get(owner) !== key) return;
    sentKey.forget(owner);
    onFound(search);
    // Once: `onFound` is another function each time.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [owner, key, search]);
}

export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
