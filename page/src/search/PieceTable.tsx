import { useState } from "react";
import type { Piece } from "../api/client";
import { bytes, count, duration } from "../model/display";
import type { NodeOfPieces, Placed } from "../model/pieces";
import { texts } from "../texts";

const MOST_ROWS = 200;

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

/** The chart's pieces as a table, the slowest first. */
export function PieceTable({ nodes, started }: { nodes: readonly NodeOfPieces<Piece>[]; started: number }) {
  const [isOpen, setIsOpen] = useState(false);
  const words = texts.search.pieceTable;
  const number = nodes.reduce((sum, node) => sum + node.pieces.length, 0);
  return (
    <details className="more" onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>{words.title(count(Math.min(number, MOST_ROWS)), count(number))}</summary>
      {isOpen && (
        <div className="wide-table" tabIndex={0} role="region" aria-label={texts.search.pieces}>
          <table className="plain-table">
            <thead>
              <tr>
                <th scope="col">{words.piece}</th>
                <th scope="col">{words.node}</th>
                <th scope="col">{words.began}</th>
                <th scope="col">{words.took}</th>
                <th scope="col">{words.memory}</th>
                <th scope="col">{words.notes}</th>
              </tr>
            </thead>
            <tbody>
              {slowest(nodes).map((one) => (
                <tr
                  key={`${one.piece.purpose} ${one.piece.batch} ${one.piece.shard ?? ""} ${one.piece.node} ${one.started}`}
                >
                  <th scope="row">{pieceName(one.piece)}</th>
                  <td>{one.piece.node === "" ? texts.search.thisMachine : one.piece.node}</td>
                  <td>{duration(Math.max(one.started - started, 0))}</td>
                  <td>{duration(one.piece.seconds)}</td>
                  <td>{one.isRunning ? "" : bytes(one.piece.peak_memory_bytes)}</td>
                  <td>{pieceNotes(one).join(", ")}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

function slowest(nodes: readonly NodeOfPieces<Piece>[]) {
  const all = nodes.flatMap((node) => node.pieces);
  return all.sort((one, other) => other.piece.seconds - one.piece.seconds).slice(0, MOST_ROWS);
}
