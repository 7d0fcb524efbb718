import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useMemo, useRef, useState } from "react";
import type { Organism, Schemas } from "../api/client";
import { organismsQuery } from "../api/queries";
import { count, evalue, score } from "../model/display";
import { hasChildren, moved, visible } from "../model/tree";
import { Empty, Loading, ProblemBox } from "../parts/Told";
import { texts } from "../texts";
import { NO_FILTER } from "../model/filter";
import type { OfQuery } from "./hits";

const route = getRouteApi("/searches/$id");
const ROW_PX = 30;
const INDENT_REM = 1.1;
const { organisms: names } = texts.results;

/** The hits of a query by organism: a tree, or a flat list if the lineages are unknown. */
export function Organisms({ search, query }: OfQuery) {
  const found = useQuery(organismsQuery(search.id, query.number));
  if (found.error !== null) return <ProblemBox error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading />;
  if (found.data.rows.length === 0) return <Empty title={names.none} help={names.noneHelp} />;
  return (
    <section aria-label={texts.search.views["taxonomy"]} className="stack fill">
      {!found.data.has_lineages && <p className="box slim">{names.noLineages}</p>}
      <Tree key={`${search.id} ${query.number}`} id={search.id} organisms={found.data} />
      {found.data.unknown > 0 && <p className="quiet">{names.unknown(count(found.data.unknown))}</p>}
    </section>
  );
}

function Tree({ id, organisms }: { id: string; organisms: Schemas["OrganismsOut"] }) {
  const { rows, has_lineages: isTree } = organisms;
  const navigate = route.useNavigate();
  const [closed, setClosed] = useState<ReadonlySet<number>>(new Set());
  const [chosen, setChosen] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => visible(rows, closed), [rows, closed]);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 15,
    paddingStart: ROW_PX,
  });
  const toggle = (at: number) => setClosed((old) => new Set(old.has(at) ? without(old, at) : [...old, at]));
  const onKey = (event: React.KeyboardEvent) => {
    const organism = rows[chosen];
    if (event.key === "Enter" && organism !== undefined && event.target === event.currentTarget) {
      void navigate({ search: (old) => ({ ...old, ...hitsOf(organism) }) });
      return;
    }
    const move = moved(event.key, chosen, rows, closed);
    if (move === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (move.toggles === true) toggle(chosen);
    setChosen(move.at);
    virtual.scrollToIndex(shown.indexOf(move.at));
  };
  const parents = rows.map((_, at) => at).filter((at) => hasChildren(rows, at));
  return (
    <>
      {parents.length > 0 && (
        <div className="row wrap tools">
          <button type="button" className="small" onClick={() => setClosed(new Set())}>
            {names.openAll}
          </button>
          <button type="button" className="small" onClick={() => setClosed(new Set(parents))}>
            {names.closeAll}
          </button>
          <span className="grow" />
          <small>{names.keys}</small>
        </div>
      )}
      <div
        className="scroller table organisms"
        ref={scroller}
        role="treegrid"
        tabIndex={0}
        aria-label={texts.search.views["taxonomy"]}
        aria-rowcount={shown.length + 1}
        aria-activedescendant={`organism-${chosen}`}
        onKeyDown={onKey}
      >
        <div className="head" role="row" aria-rowindex={1}>
          <span role="columnheader">{names.name}</span>
          <span role="columnheader">{names.taxid}</span>
          {[names.hits, names.best, names.evalue].map((column) => (
            <span key={column} role="columnheader" className="number">
              {column}
            </span>
          ))}
        </div>
        <div className="sized" role="presentation" style={{ height: virtual.getTotalSize() - ROW_PX }}>
          {virtual.getVirtualItems().map((item) => {
            const at = shown[item.index] ?? 0;
            const organism = rows[at];
            return (
              organism !== undefined && (
                <Row
                  key={at}
                  at={at}
                  id={id}
                  organism={organism}
                  place={item.index}
                  top={item.start - ROW_PX}
                  isTree={isTree}
                  isChosen={at === chosen}
                  isOpen={hasChildren(rows, at) ? !closed.has(at) : undefined}
                  onChoose={setChosen}
                  onToggle={toggle}
                />
              )
            );
          })}
        </div>
      </div>
    </>
  );
}

function without(numbers: ReadonlySet<number>, number: number): number[] {
  return [...numbers].filter((one) => one !== number);
}

/** A button that shows the hits of an organism in Descriptions. */
function hitsOf({ taxid }: Organism) {
  return { ...NO_FILTER, view: "descriptions" as const, organism: String(taxid) };
}

interface Shown {
  at: number;
  id: string;
  organism: Organism;
  place: number;
  top: number;
  isTree: boolean;
  isChosen: boolean;
  isOpen: boolean | undefined;
  onChoose: (at: number) => void;
  onToggle: (at: number) => void;
}

const Row = memo(function Row({ at, id, organism, place, top, isTree, isChosen, isOpen, onChoose, onToggle }: Shown) {
  const name = organism.name ?? names.unnamed(String(organism.taxid));
  return (
    <div
      role="row"
      id={`organism-${at}`}
      className={isChosen ? "tr chosen" : "tr"}
      aria-rowindex={place + 2}
      aria-level={isTree ? organism.level + 1 : undefined}
      aria-expanded={isOpen}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => onChoose(at)}
    >
      <span role="gridcell" className="clip" style={{ paddingInlineStart: `${organism.level * INDENT_REM}rem` }}>
        <span className="twist" aria-hidden="true" onClick={isOpen === undefined ? undefined : () => onToggle(at)}>
          {isOpen === undefined ? "" : isOpen ? "▾" : "▸"}
        </span>
        {organism.via.length > 0 && <span className="quiet via">{organism.via.join(" › ")} › </span>}
        <em>{name}</em>
      </span>
      <span role="gridcell">{organism.taxid}</span>
      <span role="gridcell" className="number">
        <Link
          to="/searches/$id"
          params={{ id }}
          search={(old) => ({ ...old, ...hitsOf(organism) })}
          tabIndex={-1}
          aria-label={names.hitsOf(count(organism.hits), name)}
        >
          {count(organism.hits)}
        </Link>
      </span>
      <span role="gridcell" className="number">
        {score(organism.bit_score)}
      </span>
      <span role="gridcell" className="number">
        {evalue(organism.evalue)}
      </span>
    </div>
  );
});
