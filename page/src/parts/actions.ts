/** Commands on searches. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { announce } from "./notices";
import { texts } from "../texts";
import { api, headers, Problem, told, type Search } from "../api/client";
import { noteAnswer } from "../api/live";

const UNDO_MS = 10_000;

export const useCancel = () => useCommand("/api/v1/searches/{search_id}/cancel");
export const useRetry = () => useCommand("/api/v1/searches/{search_id}/retry");

function useCommand(path: "/api/v1/searches/{search_id}/cancel" | "/api/v1/searches/{search_id}/retry") {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (search: Search) => told(api.POST(path, { params: { path: { search_id: search.id } } })),
    onSuccess: (search) => noteAnswer(client, search),
    onError: complain,
  });
}

export function complain(error: Error): void {
  announce({ text: error instanceof Problem ? `${error.detail} ${error.remedy}` : error.message, isProblem: true });
}

/** Deletes a search unless the user undoes it: after ten seconds, or when its notice is closed or the page is left. */
export function deleteLater(search: Search, onHide: () => void, onShow: () => void, onDone: () => void): void {
  const stop = new AbortController();
  const remove = async () => {
    if (stop.signal.aborted) return;
    stop.abort();
    const request = { method: "DELETE", headers: headers(), keepalive: true };
    const answer = await fetch(`/api/v1/searches/${search.id}`, request).catch(() => null);
    if (answer?.ok === true || answer?.status === 404) onDone();
    else {
      onShow();
      complain(new Error(texts.failed));
    }
  };
  const undo = () => {
    stop.abort();
    onShow();
  };
  addEventListener("pagehide", () => void remove(), { signal: stop.signal });
  onHide();
  announce({
    text: texts.searches.deleted(search.title),
    lasts: UNDO_MS,
    action: { label: texts.searches.undo, run: undo },
    onGone: () => void remove(),
  });
}
