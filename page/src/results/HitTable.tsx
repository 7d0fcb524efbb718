import { Link } from "@tanstack/react-router";
import { memo, useEffect } from "react";
import { SORTS, type SortName } from "../addresses";
import type { Hit, Search } from "../api/client";
import { count, evalue, score } from "../model/display";
import { useScrolled, Visible, type Pages } from "../parts/paging";
import { texts } from "../texts";
import { titleOf } from "./hits";
import { WIDTHS, type ColumnName } from "./columns";

const ROW_PX = 34;

interface Shown {
  search: Search;
  rows: readonly Hit[];
  /** Number of hits, including those that are not read yet. */
  total: number;
  /** Whether the rows are old ones, shown until the new ones arrive. */
  isOld: boolean;
  columns: readonly ColumnName[];
  sort: string;
  selected: ReadonlySet<number>;
  pages: Pages;
  onSort: (sort: SortName) => void;
  onSelect: (hit: Hit, isSelected: boolean) => void;
}

/** A table of thousands of hits, of which only the visible ones are in the document. */
export function HitTable({ search, rows, total, isOld, columns, sort, selected, pages, onSort, onSelect }: Shown) {
  const { scroller, virtual, items } = useScrolled({ pages, read: rows.length, rowPx: ROW_PX, overscan: 15 });
  useEffect(() => {
    scroller.current?.scrollTo({ top: 0 });
  }, [scroller, sort]);
  const tracks = ["1.2rem", "8.5rem", "minmax(14rem, 3fr)", ...columns.map((name) => WIDTHS[name])].join(" ");
  return (
    <div
      className="table hits"
      role="table"
      aria-rowcount={total + 1}
      aria-busy={isOld}
      aria-label={texts.search.views["descriptions"]}
      style={{ "--tracks": tracks } as React.CSSProperties}
    >
      <div className="scroller" ref={scroller} tabIndex={0} role="rowgroup">
        <div className="head" role="row" aria-rowindex={1}>
          <span role="columnheader">
            <span className="hidden">{texts.results.select}</span>
          </span>
          <Header name="subject" sorts="rank" sort={sort} onSort={onSort} />
          <span role="columnheader">{texts.results.columns["title"]}</span>
          {columns.map((name) => (
            <Header key={name} name={name} sorts={SORTS.find((one) => one === name)} sort={sort} onSort={onSort} />
          ))}
        </div>
        <Visible items={items} rows={rows} heightPx={virtual.getTotalSize()} role="presentation">
          {(hit, item) => (
            <Row
              key={hit.rank}
              search={search}
              hit={hit}
              columns={columns}
              place={item.index}
              top={item.start}
              isSelected={selected.has(hit.rank)}
              onSelect={onSelect}
            />
          )}
        </Visible>
      </div>
    </div>
  );
}

interface Heading {
  name: string;
  sorts: SortName | undefined;
  sort: string;
  onSort: (sort: SortName) => void;
}

function Header({ name, sorts, sort, onSort }: Heading) {
  const isSorted = sorts === sort;
  const label = texts.results.columns[name];
  const kind = name === "subject" || name === "names" ? "" : "number";
  if (sorts === undefined) {
    return (
      <span role="columnheader" className={kind}>
        {label}
      </span>
    );
  }
  const order = name === "evalue" || name === "subject" ? "ascending" : "descending";
  return (
    <span role="columnheader" className={kind} aria-sort={isSorted ? order : "none"}>
      <button
        type="button"
        className={isSorted ? "sort chosen" : "sort"}
        onClick={() => onSort(sorts)}
        title={sorts === "rank" ? texts.results.rank : undefined}
      >
        {label}
        <span aria-hidden="true">{isSorted ? (order === "ascending" ? " ↑" : " ↓") : ""}</span>
      </button>
    </span>
  );
}

interface OneRow {
  search: Search;
  hit: Hit;
  columns: readonly ColumnName[];
  /** 0-based among all rows. */
  place: number;
  top: number;
  isSelected: boolean;
  onSelect: (hit: Hit, isSelected: boolean) => void;
}

const Row = memo(function Row({ search, hit, columns, place, top, isSelected, onSelect }: OneRow) {
  return (
    <div
      className={isSelected ? "tr chosen" : "tr"}
      role="row"
      aria-rowindex={place + 2}
      style={{ transform: `translateY(${top}px)` }}
    >
      <span role="cell">
        <input
          type="checkbox"
          aria-label={texts.results.selectHit(hit.subject)}
          checked={isSelected}
          onChange={(event) => onSelect(hit, event.target.checked)}
        />
      </span>
      <span role="cell" className="clip">
        <Link
          to="/searches/$id"
          params={{ id: search.id }}
          search={(old) => ({ ...old, view: "alignments", hit: hit.rank })}
        >
          {hit.subject}
        </Link>
      </span>
      <span role="cell" className="clip" title={hit.title}>
        {titleOf(hit)}
      </span>
      {columns.map((name) => (
        <span key={name} role="cell" className={name === "names" ? "clip" : "number"}>
          {name === "coverage" ? <Coverage share={hit.coverage / 100} /> : shown(hit, name)}
        </span>
      ))}
    </div>
  );
});

function Coverage({ share }: { share: number }) {
  return (
    <span className="coverage">
      <span className="bar" aria-hidden="true">
        <span style={{ width: `${share * 100}%` }} />
      </span>
      {(share * 100).toFixed(0)}%
    </span>
  );
}

function shown(hit: Hit, name: ColumnName): string {
  switch (name) {
    case "bit_score":
    case "total_score":
      return score(hit[name]);
    case "evalue":
      return evalue(hit.evalue);
    case "identity":
      return `${hit.identity.toFixed(1)}%`;
    case "names":
      return hit.names ?? "";
    default:
      return count(hit[name]);
  }
}
