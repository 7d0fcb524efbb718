import { count, percent } from "../model/display";
import type { Cell, DatabaseMap, Row } from "../model/nodes";
import { texts } from "../texts";

const { nodes: words } = texts;

/** A map of a database's volumes: one row per node, one column per volume. */
export function ShardMap({ map }: { map: DatabaseMap }) {
  return (
    <figure className="shard-map">
      <figcaption>
        <strong>{map.database}</strong>{" "}
        <span className="quiet" title={map.generation}>
          {map.generation.slice(0, 12)}
        </span>{" "}
        {map.missing > 0 && <span className="mend">{words.missing(count(map.missing), count(map.volumes))}</span>}
      </figcaption>
      <ul className="plain">
        {map.rows.map((row) => (
          <li key={row.node} className={row.state === "lost" ? "lost" : ""}>
            <span className="clip">{row.node}</span>
            <svg viewBox={`0 0 ${map.volumes} 1`} preserveAspectRatio="none" role="img" aria-label={toldOf(row, map)}>
              <rect className="absent" width={map.volumes} height={1} />
              {row.cells.map((cell) => (
                <Volume key={cell.name} cell={cell} volumes={map.volumes} />
              ))}
            </svg>
          </li>
        ))}
      </ul>
    </figure>
  );
}

/** Gap between two volumes, as a share of the whole width, and its maximum as a share of a column. */
const GAP = 0.002;
const WIDEST_GAP = 0.1;

function Volume({ cell, volumes }: { cell: Cell; volumes: number }) {
  const width = 1 - Math.min(GAP * volumes, WIDEST_GAP);
  return (
    <g>
      <title>{words.volume(cell.name, cell.resident === null ? null : percent(cell.resident))}</title>
      <rect className="staged" x={cell.at} width={width} height={1} />
      <rect className="resident" x={cell.at} width={width * (cell.resident ?? 0)} height={1} />
    </g>
  );
}

function toldOf(row: Row, map: DatabaseMap): string {
  const held = words.volumes(count(row.cells.length), count(map.volumes));
  const resident = row.resident === null ? "" : `, ${percent(row.resident)} ${words.resident}`;
  return `${row.node}: ${held}${resident}${row.state === "connected" ? "" : `, ${words[row.state]}`}`;
}
