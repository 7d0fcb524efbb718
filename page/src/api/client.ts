/** Requests to the service, typed by its OpenAPI document, with the token of a share link. */
import createClient from "openapi-fetch";
import { shareOf } from "../addresses";
import { texts } from "../texts";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Search = Schemas["SearchOut"];
export type Phase = Schemas["PhaseOut"];
export type Piece = Schemas["PieceOut"];
export type RunningPiece = Schemas["RunningPieceOut"];
export type Program = Schemas["ProgramOut"];
export type Format = Schemas["FormatOut"];
export type Option = Schemas["OptionOut"];
export type Database = Schemas["DatabaseOut"];
export type Me = Schemas["MeOut"];
export type Task = Schemas["TaskOut"];
export type Node = Schemas["NodeOut"];
export type Scaling = Schemas["ScalingOut"];
export type Preflight = Schemas["PreflightOut"];
export type Report = Schemas["ReportOut"];
export type Query = Schemas["QueryRow"];
export type Hit = Schemas["HitRow"];
export type Hsp = Schemas["HspRow"];
export type Organism = Schemas["OrganismRow"];
export type Spans = Schemas["SpansOut"];

/** Returns the token of the share link with which the page was opened. */
export function shareToken(): string | null {
  return shareOf(new URL(location.href));
}

/** An error that the service answered (RFC 9457). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly remedy: string,
    readonly problems: Schemas["ProblemOut"][] = [],
  ) {
    super(`${detail} ${remedy}`.trim());
  }
}

export function headers(): Record<string, string> {
  const found: Record<string, string> = {};
  const share = shareToken();
  if (share !== null) found["X-Share-Token"] = share;
  return found;
}

export const api = createClient<paths>({ baseUrl: "/" });
api.use({
  onRequest({ request }) {
    for (const [name, value] of Object.entries(headers())) request.headers.set(name, value);
  },
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Returns the data of an answer, or throws its Problem. */
export async function told<T>(asked: Promise<Answer<T>>): Promise<T> {
  const answer = await asked.catch((error: unknown) => {
    throw unreachable(error);
  });
  if (!answer.response.ok) throw problemOf(answer.response.status, answer.error);
  return answer.data as T;
}

function unreachable(error: unknown): unknown {
  if (error instanceof DOMException && error.name === "AbortError") return error;
  return new Problem(0, "unreachable", texts.connection.unreachable, texts.connection.unreachableHelp);
}

export function problemOf(status: number, body: unknown): Problem {
  const known = (typeof body === "object" && body !== null ? body : {}) as Partial<Problem>;
  return new Problem(
    status,
    known.code ?? "http",
    known.detail ?? texts.connection.status(status),
    known.remedy ?? "",
    known.problems ?? [],
  );
}

interface Sending {
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

/** Sends a form with files, which openapi-fetch can't send. */
export async function sendForm<T>(path: string, form: FormData, more: Sending = {}): Promise<T> {
  const request = fetch(path, { method: "POST", body: form, ...more, headers: { ...headers(), ...more.headers } });
  const response = await request.catch((error: unknown) => {
    throw unreachable(error);
  });
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw problemOf(response.status, body);
  return body as T;
}
