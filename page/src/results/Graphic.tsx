import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useLayoutEffect, useMemo, useState } from "react";
import type { Hit, Spans } from "../api/client";
import { spansQuery } from "../api/queries";
import { count, evalue, score } from "../model/display";
import { bars, ranges, ticks } from "../model/spans";
import { useScrolled, Visible, type Pages } from "../parts/paging";
import { Loading, ProblemBox } from "../parts/Told";
import { texts } from "../texts";
import { titleOf, useHits } from "./hits";
import type { OfQuery } from "./hits";

const route = getRouteApi("/searches/$id");
const ROW_PX = 24;
const BAR_PX = 10;
const GUTTER_PX = 112;

const FIRST_WIDTH = 800;
const LEAST_LETTERS = 20;
const MOST_TICKS = 10;

/** Positions of the hits on the query, coloured by score as at NCBI. */
export function Graphic({ search, query }: OfQuery) {
  const found = useQuery(spansQuery(search.id, query.number));
  const hits = useHits(search.id, { query: query.number, filter: {}, sort: "rank" });
  if (found.error !== null) return <ProblemBox error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading />;
  return (
    <section aria-label={texts.search.views["graphic"]} className="stack fill">
      <Picture
        spans={found.data}
        hits={hits.rows}
        length={lengthOf(query.length, found.data)}
        id={search.id}
        pages={hits}
      />
    </section>
  );
}

function lengthOf(length: number | null, spans: Spans): number {
  return length ?? spans.query_end.reduce((most, one) => Math.max(most, one), 1);
}

interface Drawn {
  id: string;
  spans: Spans;
  hits: readonly Hit[];
  length: number;
  pages: Pages;
}

function Picture({ id, spans, hits, length, pages }: Drawn) {
  const address = route.useSearch();
  const [from, to] = windowOf(address.left, address.right, length);
  const navigate = route.useNavigate();
  const zoom = (left: number, right: number) => {
    const isWhole = left <= 1 && right >= length;
    const wanted = isWhole ? { left: undefined, right: undefined } : { left, right };
    void navigate({ search: (old) => ({ ...old, ...wanted }), replace: true });
  };
  const byRank = useMemo(() => ranges(spans), [spans]);
  const ranks = useMemo(() => [...byRank.keys()], [byRank]);
  const [pointed, setPointed] = useState<number | null>(null);
  const list = { pages, read: hits.length, rows: ranks.length, rowPx: ROW_PX, overscan: 20 };
  const { scroller, virtual, items } = useScrolled(list);
  const width = useWidth(scroller);
  const hit = pointed === null ? undefined : hits[pointed];
  return (
    <>
      <div className="row wrap tools">
        <Bands />
        <span className="grow" />
        <Zoom from={from} to={to} length={length} onZoom={zoom} />
      </div>
      <p className="quiet pointed clip" aria-live="off">
        {hit === undefined ? texts.results.graphicHelp : told(hit)}
      </p>
      <Ruler from={from} to={to} width={width} onZoom={zoom} />
      <div className="scroller graphic" ref={scroller} tabIndex={-1} onMouseLeave={() => setPointed(null)}>
        <Visible items={items} rows={ranks} heightPx={virtual.getTotalSize()}>
          {(rank, item) => (
            <Link
              key={rank}
              to="/searches/$id"
              params={{ id }}
              search={(old) => ({ ...old, view: "alignments", hit: rank })}
              className="hit"
              style={{ transform: `translateY(${item.start}px)`, height: ROW_PX }}
              aria-label={hits[rank] === undefined ? `${rank + 1}` : told(hits[rank])}
              onMouseEnter={() => setPointed(rank)}
              onFocus={() => setPointed(rank)}
            >
              <span className="clip">{hits[rank]?.subject ?? `${rank + 1}`}</span>
              <svg width={width} height={ROW_PX} aria-hidden="true">
                {bars(spans, byRank.get(rank) ?? [0, 0], from, to, width).map((bar) => (
                  <rect
                    key={bar.from}
                    className={`band${bar.band}`}
                    x={bar.from}
                    y={(ROW_PX - BAR_PX) / 2}
                    width={bar.to - bar.from}
                    height={BAR_PX}
                  />
                ))}
              </svg>
            </Link>
          )}
        </Visible>
      </div>
      {!spans.is_whole && <p className="quiet">{texts.results.cut(count(spans.rank.length))}</p>}
    </>
  );
}

function windowOf(left: number | undefined, right: number | undefined, length: number): [number, number] {
  const from = Math.min(Math.max(left ?? 1, 1), length);
  const to = Math.min(Math.max(right ?? length, 1), length);
  return to - from + 1 < Math.min(LEAST_LETTERS, length) ? [1, length] : [from, to];
}

function useWidth(element: React.RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(FIRST_WIDTH);
  useLayoutEffect(() => {
    if (element.current === null) return;
    const watch = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setWidth(Math.max(100, Math.floor(entry.contentRect.width - GUTTER_PX)));
    });
    watch.observe(element.current);
    return () => watch.disconnect();
  }, [element]);
  return width;
}

function Bands() {
  return (
    <div className="bands" role="img" aria-label={`${texts.results.bandsLabel}: ${texts.results.bands.join(", ")}`}>
      <span className="quiet">{texts.results.bandsLabel}</span>
      {texts.results.bands.map((label, at) => (
        <span key={label} className={`swatch band${at}`}>
          {label}
        </span>
      ))}
    </div>
  );
}

interface Zoomed {
  from: number;
  to: number;
  onZoom: (left: number, right: number) => void;
}

function Zoom({ from, to, length, onZoom }: Zoomed & { length: number }) {
  const shown = to - from + 1;
  const around = (letters: number, centre = (from + to) / 2) => {
    const wanted = Math.max(Math.min(letters, length), Math.min(LEAST_LETTERS, length));
    const left = Math.round(Math.min(Math.max(centre - wanted / 2, 1), length - wanted + 1));
    onZoom(left, Math.round(left + wanted - 1));
  };
  const isWhole = shown >= length;
  return (
    <div className="row tight">
      <span className="quiet">{texts.results.zoomed(count(from), count(to))}</span>
      <button
        type="button"
        aria-label={texts.results.left}
        disabled={isWhole}
        onClick={() => around(shown, (from + to) / 2 - shown / 2)}
      >
        ←
      </button>
      <button type="button" aria-label={texts.results.zoomIn} onClick={() => around(shown / 2)}>
        +
      </button>
      <button type="button" aria-label={texts.results.zoomOut} disabled={isWhole} onClick={() => around(shown * 2)}>
        −
      </button>
      <button
        type="button"
        aria-label={texts.results.right}
        disabled={isWhole}
        onClick={() => around(shown, (from + to) / 2 + shown / 2)}
      >
        →
      </button>
      <button type="button" disabled={isWhole} onClick={() => onZoom(1, length)}>
        {texts.results.zoomAll}
      </button>
    </div>
  );
}

/** A ruler of the query; dragging over it zooms. */
function Ruler({ from, to, width, onZoom }: Zoomed & { width: number }) {
  const [dragged, setDragged] = useState<[number, number] | null>(null);
  const place = (event: React.PointerEvent) => event.clientX - event.currentTarget.getBoundingClientRect().left;
  const letter = (pixel: number) => Math.round(from + (pixel / width) * (to - from));
  const end = () => {
    if (dragged !== null && Math.abs(dragged[1] - dragged[0]) > 5) {
      onZoom(letter(Math.max(0, Math.min(...dragged))), letter(Math.min(width, Math.max(...dragged))));
    }
    setDragged(null);
  };
  return (
    <svg
      className="ruler"
      width={width}
      height={26}
      role="img"
      aria-label={texts.results.zoomed(count(from), count(to))}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setDragged([place(event), place(event)]);
      }}
      onPointerMove={(event) => {
        if (dragged !== null) setDragged([dragged[0], place(event)]);
      }}
      onPointerUp={end}
    >
      <rect className="whole" x={0} y={0} width={width} height={8} rx={2} />
      {ticks(from, to, MOST_TICKS).map((at) => {
        const x = ((at - from) / Math.max(to - from, 1)) * width;
        return (
          <g key={at}>
            <line x1={x} x2={x} y1={8} y2={12} />
            <text x={x} y={24} textAnchor={x < 20 ? "start" : x > width - 20 ? "end" : "middle"}>
              {count(at)}
            </text>
          </g>
        );
      })}
      {dragged !== null && (
        <rect
          className="dragged"
          x={Math.min(...dragged)}
          y={0}
          width={Math.abs(dragged[1] - dragged[0])}
          height={26}
        />
      )}
    </svg>
  );
}

function told(hit: Hit): string {
  const parts = [
    `${hit.subject} ${titleOf(hit)}`,
    `${texts.results.score} ${score(hit.bit_score)} ${texts.results.bits}`,
    `${texts.results.expect} ${evalue(hit.evalue)}`,
    `${texts.results.identities} ${hit.identity.toFixed(1)}%`,
  ];
  return parts.join(" · ");
}
