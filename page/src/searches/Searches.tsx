import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import type { ListAddress, ListOrder, ListSort } from "../addresses";
import type { Search } from "../api/client";
import { isOver, useLiveSearches } from "../api/live";
import { searchesQuery } from "../api/queries";
import { STATES } from "../model/progress";
import { useNow } from "../parts/clock";
import { useScrolled, Visible, type Pages } from "../parts/paging";
import { ConnectionState, Empty, Loading, ProblemBox } from "../parts/Told";
import { texts } from "../texts";
import { SearchRow } from "./SearchRow";

const route = getRouteApi("/searches");
const ROW_PX = 60;
const TYPED_MS = 250;

export function Searches() {
  const address = route.useSearch();
  const navigate = route.useNavigate();
  const connection = useLiveSearches();
  const { by: sort = "created" } = address;
  const asked = { state: address.state, text: address.text ?? "", sort, order: address.order ?? FIRST[sort] };
  const found = useInfiniteQuery({ ...searchesQuery(asked), placeholderData: (known) => known });
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const rows = (found.data?.pages ?? []).flatMap((page) => page.searches).filter((one) => !hidden.has(one.id));
  const hide = (id: string, isHidden: boolean) =>
    setHidden((known) => new Set(isHidden ? [...known, id] : [...known].filter((one) => one !== id)));
  return (
    <section className="page" aria-labelledby="searches-title">
      <header className="row wrap">
        <h1 id="searches-title">{texts.nav.searches}</h1>
        <span className="grow" />
        <Filter
          address={address}
          onChange={(changed) => void navigate({ search: (old) => ({ ...old, ...changed }), replace: true })}
        />
      </header>
      <ConnectionState connection={connection} />
      {found.error !== null && <ProblemBox error={found.error} onRetry={() => void found.refetch()} />}
      {found.isPending && <Loading />}
      {found.data !== undefined && rows.length === 0 && (
        <Nothing isFiltered={asked.state !== undefined || asked.text !== ""} />
      )}
      {rows.length > 0 && <Rows rows={rows} pages={found} sorted={asked} onHide={hide} />}
    </section>
  );
}

function Nothing({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) return <Empty title={texts.searches.emptyFilter} help={texts.searches.emptyFilterHelp} />;
  return (
    <Empty title={texts.searches.empty} help={texts.searches.emptyHelp}>
      <Link to="/new" className="button primary">
        {texts.nav.new}
      </Link>
    </Empty>
  );
}

function Filter({ address, onChange }: { address: ListAddress; onChange: (change: ListAddress) => void }) {
  const [text, setText] = useState(address.text ?? "");
  useEffect(() => {
    if (text === (address.text ?? "")) return;
    const timer = setTimeout(() => onChange({ ...address, text }), TYPED_MS);
    return () => clearTimeout(timer);
  }, [text, address, onChange]);
  return (
    <div className="row wrap">
      <div className="segments" role="group" aria-label={texts.searches.columns.state}>
        {[undefined, ...STATES].map((state) => (
          <Link
            key={state ?? ""}
            to="/searches"
            search={(old) => ({ ...old, state })}
            className={address.state === state ? "segment chosen" : "segment"}
            aria-current={address.state === state ? "true" : undefined}
          >
            {state ?? texts.searches.all}
          </Link>
        ))}
      </div>
      <input
        type="search"
        className="wide"
        aria-label={texts.searches.find}
        placeholder={texts.searches.find}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
    </div>
  );
}

interface Sorted {
  sort: ListSort;
  order: ListOrder;
}

/** First sort order of each column. */
const FIRST: Record<ListSort, ListOrder> = {
  created: "desc",
  title: "asc",
  database: "asc",
  state: "asc",
  elapsed: "desc",
  queries: "desc",
  hits: "desc",
};

function Head({ sorted }: { sorted: Sorted }) {
  const { columns } = texts.searches;
  return (
    <div className="head" role="row" aria-rowindex={1}>
      <Column sorts={["title", "database"]} names={[columns.search, columns.database]} sorted={sorted} />
      <Column sorts={["state"]} names={[columns.state]} sorted={sorted} />
      <Column sorts={["queries"]} names={[columns.queries]} sorted={sorted} isNumber />
      <Column sorts={["hits"]} names={[columns.hits]} sorted={sorted} isNumber />
      <Column sorts={["elapsed"]} names={[columns.took]} sorted={sorted} isNumber />
      <Column sorts={["created"]} names={[columns.created]} sorted={sorted} />
      <span role="columnheader">
        <span className="hidden">{columns.actions}</span>
      </span>
    </div>
  );
}

interface Heading {
  sorts: readonly ListSort[];
  names: readonly string[];
  sorted: Sorted;
  isNumber?: boolean;
}

/** A heading that sorts by its column; a second click reverses the order. */
function Column({ sorts, names, sorted, isNumber = false }: Heading) {
  const navigate = route.useNavigate();
  const isSorted = sorts.includes(sorted.sort);
  const isUp = sorted.order === "asc";
  const choose = (sort: ListSort) => {
    const order = sort !== sorted.sort ? FIRST[sort] : isUp ? "desc" : "asc";
    void navigate({ search: (old) => ({ ...old, by: sort, order }), replace: true });
  };
  return (
    <span
      role="columnheader"
      className={isNumber ? "number" : ""}
      aria-sort={isSorted ? (isUp ? "ascending" : "descending") : "none"}
    >
      {sorts.map((sort, at) => (
        <button
          key={sort}
          type="button"
          className={sort === sorted.sort ? "sort chosen" : "sort"}
          onClick={() => choose(sort)}
        >
          {names[at]}
          <span aria-hidden="true">{sort === sorted.sort ? (isUp ? " ↑" : " ↓") : ""}</span>
        </button>
      ))}
    </span>
  );
}

interface Listed {
  rows: readonly Search[];
  pages: Pages;
  sorted: Sorted;
  onHide: (id: string, isHidden: boolean) => void;
}

function Rows({ rows, pages, sorted, onHide }: Listed) {
  const now = useNow(rows.some((one) => !isOver(one.state)));
  const keyOf = (at: number) => rows[at]?.id ?? at;
  const { scroller, virtual, items } = useScrolled({ pages, read: rows.length, rowPx: ROW_PX, overscan: 10, keyOf });
  return (
    <div
      className="table searches"
      role="table"
      aria-label={texts.nav.searches}
      aria-rowcount={pages.hasNextPage ? -1 : rows.length + 1}
    >
      <div className="scroller" ref={scroller} role="rowgroup" tabIndex={0}>
        <Head sorted={sorted} />
        <Visible items={items} rows={rows} heightPx={virtual.getTotalSize()} role="presentation">
          {(search, item) => (
            <SearchRow key={item.key} search={search} now={now} top={item.start} index={item.index} onHide={onHide} />
          )}
        </Visible>
      </div>
    </div>
  );
}
