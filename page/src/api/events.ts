/** Server-sent events by fetch, because EventSource can't send headers, and so no tokens. */
import { EventSourceParserStream } from "eventsource-parser/stream";
import { headers, problemOf } from "./client";

export interface Told {
  kind: string;
  data: unknown;
}

export type Connection = "connecting" | "live" | "lost" | "refused";

interface Follow {
  signal: AbortSignal;
  /** Returns whether this was the last event. */
  onEvent: (event: Told) => boolean;
  onConnection: (connection: Connection) => void;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;

/**
 * Follows a stream until it ends or is aborted. It reconnects with the last id when the connection is lost, and closes the
 * connection while the tab is hidden, because browsers allow only six per host.
 */
export async function follow(path: string, told: Follow): Promise<void> {
  let last: string | undefined;
  let wait = FIRST_WAIT_MS;
  while (!told.signal.aborted) {
    await untilShown(told.signal);
    const hidden = new AbortController();
    const hide = () => {
      if (document.hidden) hidden.abort();
    };
    document.addEventListener("visibilitychange", hide);
    try {
      const signal = AbortSignal.any([told.signal, hidden.signal]);
      for await (const event of read(path, last, signal)) {
        if (event.id !== undefined) last = event.id;
        told.onConnection("live");
        wait = FIRST_WAIT_MS;
        if (told.onEvent({ kind: event.event ?? "message", data: JSON.parse(event.data) as unknown })) return;
      }
    } catch (error) {
      if (isRefusal(error)) throw error;
    } finally {
      document.removeEventListener("visibilitychange", hide);
    }
    if (wasAborted(hidden.signal)) continue;
    if (wasAborted(told.signal)) return;
    told.onConnection("lost");
    await pause(wait, told.signal);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

async function* read(path: string, last: string | undefined, signal: AbortSignal) {
  const more = last === undefined ? {} : { "Last-Event-ID": last };
  const response = await fetch(path, { headers: { ...headers(), ...more, Accept: "text/event-stream" }, signal });
  if (!response.ok || response.body === null) {
    throw problemOf(response.status, await response.json().catch(() => null));
  }
  const reader = response.body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

/** A function, because the compiler assumes that a value is unchanged after an await. */
function wasAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && "status" in error && Number(error.status) >= 400 && Number(error.status) < 500;
}

function untilShown(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener("visibilitychange", look);
      signal.removeEventListener("abort", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
    signal.addEventListener("abort", look);
  });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
