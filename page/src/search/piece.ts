/** A piece in words. */
import type { Piece } from "../api/client";
import type { Placed } from "../model/pieces";
import { texts } from "../texts";

export function pieceName({ purpose, batch, shard }: Piece): string {
  return texts.search.pieceOf(purpose, batch, shard === null ? texts.search.whole : texts.search.shard(shard));
}

export function pieceNotes({ piece, isStraggler, isRunning }: Placed<Piece>): string[] {
  return [
    ...(isRunning ? [texts.search.runsNow] : []),
    ...(isStraggler ? [texts.search.straggler] : []),
    ...(piece.is_doubled ? [texts.search.doubled] : []),
  ];
}
