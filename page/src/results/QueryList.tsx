import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useState } from "react";
import type { Query, Search } from "../api/client";
import { isOf, queriesQuery } from "../api/queries";
import { count, plural } from "../model/display";
import { numbersOf, written } from "../model/numbers";
import { useScrolled, Visible } from "../parts/paging";
import { texts } from "../texts";

const route = getRouteApi("/searches/$id");
const ROW_PX = 44;

export function QueryList({ search, chosen }: { search: Search; chosen: number }) {
  const [text, setText] = useState("");
  const found = useInfiniteQuery({
    ...queriesQuery(search.id, useDeferredValue(text)),
    placeholderData: (known, before) => (isOf(before, "queries", search.id) ? known : undefined),
  });
  const rows = (found.data?.pages ?? []).flatMap((page) => page.rows);
  const list = route.useSearch().selected;
  const selected = useMemo(() => numbersOf(list), [list]);
  const navigate = route.useNavigate();
  const select = (number: number, isSelected: boolean) => {
    const changed = (old: string | undefined) => {
      const wanted = [...numbersOf(old)].filter((one) => one !== number).concat(isSelected ? [number] : []);
      return wanted.length === 0 ? undefined : written(wanted);
    };
    void navigate({ search: (old) => ({ ...old, selected: changed(old.selected) }), replace: true });
  };
  const { scroller, virtual, items } = useScrolled({ pages: found, read: rows.length, rowPx: ROW_PX, overscan: 10 });
  return (
    <nav className="queries" aria-label={texts.results.queries}>
      <input
        type="search"
        aria-label={texts.results.findQuery}
        placeholder={`${texts.results.findQuery} (${count(search.queries)})`}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <div className="scroller" ref={scroller} tabIndex={-1}>
        <Visible items={items} rows={rows} heightPx={virtual.getTotalSize()}>
          {(query, item) => (
            <Row
              key={query.number}
              search={search}
              query={query}
              isChosen={query.number === chosen}
              isSelected={selected.has(query.number)}
              top={item.start}
              onSelect={select}
            />
          )}
        </Visible>
      </div>
      {found.data !== undefined && rows.length === 0 && <p className="quiet">{texts.results.noQuery}</p>}
    </nav>
  );
}

interface Shown {
  search: Search;
  query: Query;
  isChosen: boolean;
  isSelected: boolean;
  top: number;
  onSelect: (number: number, isSelected: boolean) => void;
}

function Row({ search, query, isChosen, isSelected, top, onSelect }: Shown) {
  const hits = query.hits === 0 ? texts.results.noHits : plural(query.hits, ...texts.counts.hits);
  return (
    <div className={isChosen ? "query chosen" : "query"} style={{ transform: `translateY(${top}px)` }}>
      <input
        type="checkbox"
        aria-label={texts.results.selectQuery(query.id)}
        checked={isSelected}
        onChange={(event) => onSelect(query.number, event.target.checked)}
      />
      <Link
        to="/searches/$id"
        params={{ id: search.id }}
        search={({ view, sort, share, selected }) => ({ view, sort, share, selected, query: query.number })}
        aria-current={isChosen ? "true" : undefined}
      >
        <span className="clip">{query.id}</span>
        <span className={query.hits === 0 ? "quiet none" : "quiet"}>
          {hits}
          {query.verdict !== "merged" && (
            <span className={`tag ${query.verdict}`} title={texts.verdicts[query.verdict]?.means}>
              {texts.verdicts[query.verdict]?.name ?? query.verdict}
            </span>
          )}
        </span>
      </Link>
    </div>
  );
}
