import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import type { Hit, Hsp, Search } from "../api/client";
import { hitQuery, hspsQuery, isOf } from "../api/queries";
import { count } from "../model/display";
import { useScrolled, Visible, type Pages } from "../parts/paging";
import { Empty, Loading, ProblemBox } from "../parts/Told";
import { NumberInput } from "../parts/Typed";
import { texts } from "../texts";
import { titleOf } from "./hits";
import { Alignment } from "./Alignment";
import type { OfQuery } from "./hits";
import { SubjectSequence } from "./SubjectSequence";

const route = getRouteApi("/searches/$id");
const HSP_PX = 420;

/** One hit at a time with all its HSPs; keys select the next and previous hit. */
export function Alignments({ search, query }: OfQuery) {
  const rank = Math.min(route.useSearch().hit ?? 0, query.hits - 1);
  const navigate = route.useNavigate();
  const client = useQueryClient();
  const found = useQuery({
    ...hitQuery(search.id, query.number, rank),
    placeholderData: (known, before) => (isOf(before, "hit", search.id, query.number) ? known : undefined),
  });
  const go = (to: number) => {
    if (to < 0 || to >= query.hits) return;
    void navigate({ search: (old) => ({ ...old, hit: to }), replace: true });
  };
  const step = (by: number) => {
    const within = (at: number) => Math.min(Math.max(at, 0), query.hits - 1);
    // Starts from the URL, since earlier steps may not be rendered yet.
    void navigate({ search: (old) => ({ ...old, hit: within(within(old.hit ?? 0) + by) }), replace: true });
  };
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    if (document.activeElement === document.body) section.current?.focus({ preventScroll: true });
  }, []);
  const onKey = (event: React.KeyboardEvent<HTMLElement>) => {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|TEXTAREA|SELECT/.test(target.tagName)) return;
    if (event.key !== "j" && event.key !== "k") return;
    event.currentTarget.focus({ preventScroll: true }); // the focused element may belong to this hit alone
    step(event.key === "j" ? 1 : -1);
  };
  useEffect(() => {
    if (rank + 1 < query.hits)
      client.infiniteQuery(hspsQuery(search.id, query.number, rank + 1)).catch(() => undefined);
  }, [client, search.id, query, rank]);
  if (found.error !== null) return <ProblemBox error={found.error} onRetry={() => void found.refetch()} />;
  return (
    <section
      ref={section}
      aria-label={texts.search.views["alignments"]}
      className="stack fill"
      tabIndex={0}
      onKeyDown={onKey}
    >
      <div className="row wrap tools">
        <button type="button" disabled={rank === 0} onClick={() => step(-1)} aria-label={texts.results.previous}>
          ←
        </button>
        <label className="row tight">
          {texts.results.hit}
          <NumberInput
            type="number"
            min={1}
            max={query.hits}
            value={rank + 1}
            onNumber={(number) => {
              if (number !== undefined && Number.isInteger(number)) go(number - 1);
            }}
          />
          <span className="quiet">{texts.results.ofHits("", count(query.hits))}</span>
        </label>
        <button type="button" disabled={rank >= query.hits - 1} onClick={() => step(1)} aria-label={texts.results.next}>
          →
        </button>
        <span className="grow" />
        <small>{texts.results.keys}</small>
      </div>
      {found.data === undefined && <Loading />}
      {found.data === null && <Empty title={texts.results.noHit} help="" />}
      {found.data != null && <OneHit search={search} hit={found.data} />}
    </section>
  );
}

function OneHit({ search, hit }: { search: Search; hit: Hit }) {
  const found = useInfiniteQuery(hspsQuery(search.id, hit.query, hit.rank));
  const rows = (found.data?.pages ?? []).flatMap((page) => page.rows);
  return (
    <article className="hit-card">
      <header>
        <h2>{hit.subject}</h2>
        <p>{titleOf(hit)}</p>
        <p className="quiet line">
          <span>
            {texts.results.subjectLength} {count(hit.length)}
          </span>
          <span>
            {count(hit.hsps)} {hit.hsps === 1 ? "HSP" : texts.results.columns["hsps"]}
          </span>
          {hit.names !== null && <em>{hit.names}</em>}
          {hit.taxids !== null && <span>{texts.results.organisms.unnamed(hit.taxids)}</span>}
        </p>
      </header>
      {found.error !== null && <ProblemBox error={found.error} onRetry={() => void found.refetch()} />}
      {found.isPending && <Loading />}
      {rows.length > 0 && (
        <SubjectSequence key={hit.rank} id={search.id} program={search.program} hit={hit} hsps={rows} />
      )}
      {rows.length > 0 && <HspList search={search} hit={hit} rows={rows} pages={found} />}
    </article>
  );
}

interface Listed {
  search: Search;
  hit: Hit;
  rows: readonly Hsp[];
  pages: Pages;
}

function HspList({ search, hit, rows, pages }: Listed) {
  const keyOf = (at: number) => `${hit.rank} ${at}`;
  const { scroller, virtual, items } = useScrolled({ pages, read: rows.length, rowPx: HSP_PX, overscan: 2, keyOf });
  useEffect(() => {
    scroller.current?.scrollTo({ top: 0 });
  }, [scroller, hit.rank]);
  return (
    <div className="scroller hsps" ref={scroller} tabIndex={0}>
      <Visible items={items} rows={rows} heightPx={virtual.getTotalSize()}>
        {(hsp, item) => (
          <div
            key={item.key}
            data-index={item.index}
            ref={virtual.measureElement}
            className="placed"
            style={{ transform: `translateY(${item.start}px)` }}
          >
            <Alignment
              program={search.program}
              hsp={hsp}
              of={hit.hsps}
              onGo={(number) => virtual.scrollToIndex(number, { align: "start" })}
            />
          </div>
        )}
      </Visible>
    </div>
  );
}
