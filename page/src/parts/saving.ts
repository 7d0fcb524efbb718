/** Files of the service, and of what the page itself made, for the browser to save. */
import { headers, problemOf, shareToken, type Schemas } from "../api/client";

type Selection = Schemas["SelectionIn"];

/** A browser may begin to save a file a while after it was asked to, when it asks where. */
const KEPT_MS = 60_000;

/** Returns the address of what a search has. */
export function addressOf(id: string, what: string, values: Record<string, string> = {}): string {
  const query = new URLSearchParams(values).toString();
  return `/api/v1/searches/${id}/${what}${query === "" ? "" : `?${query}`}`;
}

/** Tells whether what is read needs the token of a share link, which links of the page don't send. */
export function needsToken(): boolean {
  return shareToken() !== null;
}

/** Has the browser save what an address answers; where a token is needed, or some are named, the page reads it. */
export async function download(address: string, named?: Selection): Promise<void> {
  if (!needsToken() && named === undefined) {
    follow(address, "");
    return;
  }
  const answer = await read(address, named);
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1];
  save(await answer.blob(), name ?? "result");
}

/** Returns what an address answers: of all, or of those that are named, which may be more than an address holds. */
export async function read(address: string, named?: Selection): Promise<Response> {
  const body = named === undefined ? {} : { method: "POST", body: JSON.stringify(named) };
  const answer = await fetch(address, { ...body, headers: headers() });
  if (!answer.ok) throw problemOf(answer.status, await answer.json().catch(() => null));
  return answer;
}

export function save(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  follow(address, name);
  setTimeout(() => URL.revokeObjectURL(address), KEPT_MS);
}

export function saveText(name: string, text: string, type: string): void {
  save(new Blob([text], { type }), name);
}

function follow(address: string, name: string): void {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
}
