/** Downloads of files from the service, and of files that the page makes. */
import { headers, problemOf, shareToken, type Schemas } from "../api/client";

type Selection = Schemas["SelectionIn"];

/** How long a file is kept, since a browser may first ask where to save it. */
const KEPT_MS = 60_000;

/** Returns the URL of a part of a search. */
export function addressOf(id: string, what: string, values: Record<string, string> = {}): string {
  const query = new URLSearchParams(values).toString();
  return `/api/v1/searches/${id}/${what}${query === "" ? "" : `?${query}`}`;
}

/** Returns whether requests need the token of a share link, which plain links don't send. */
export function needsToken(): boolean {
  return shareToken() !== null;
}

/** Downloads a file. The page reads it itself if a token is needed or if there is a selection. */
export async function download(address: string, named?: Selection): Promise<void> {
  if (!needsToken() && named === undefined) {
    follow(address, "");
    return;
  }
  const answer = await read(address, named);
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1];
  save(await answer.blob(), name ?? "result");
}

/** Reads a file, optionally for a selection, which may be too long for a URL. */
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
