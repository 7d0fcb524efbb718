import { getRouteApi } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import type { SortName } from "../addresses";
import { complain } from "../parts/actions";
import type { Hit } from "../api/client";
import { count } from "../model/display";
import { Menu } from "../parts/Menu";
import { Empty, ProblemBox } from "../parts/Told";
import { texts } from "../texts";
import { CHOOSABLE, useColumns, type ColumnName } from "./columns";
import { filterOf, isFiltered } from "../model/filter";
import { Filters } from "./Filters";
import { HitDownloads } from "./HitDownloads";
import { allHits, useHits } from "./hits";
import { HitTable } from "./HitTable";
import type { OfQuery } from "./hits";

const route = getRouteApi("/searches/$id");

export function Descriptions({ search, query }: OfQuery) {
  const address = route.useSearch();
  const navigate = route.useNavigate();
  const filter = filterOf(address);
  const asked = { query: query.number, filter, sort: address.sort ?? "rank" };
  const found = useHits(search.id, asked);
  const [columns, toggleColumn] = useColumns();
  const [selected, changeSelection] = useSelection(`${search.id} ${query.number}`);
  const select = useCallback(
    (hit: Hit, isSelected: boolean) => changeSelection((ranks) => toggled(ranks, hit, isSelected)),
    [changeSelection],
  );
  const sortBy = useCallback(
    (sort: SortName) =>
      void navigate({ search: (old) => ({ ...old, sort: sort === "rank" ? undefined : sort }), replace: true }),
    [navigate],
  );
  const all = async () => {
    const ranks = (await allHits(search.id, asked)).map((hit) => hit.rank);
    changeSelection(() => new Set(ranks));
  };
  const shown = isFiltered(filter)
    ? texts.results.shown(count(found.total), count(query.hits))
    : texts.results.hits(count(query.hits));
  return (
    <section aria-label={texts.search.views["descriptions"]} className="stack fill">
      <div className="row wrap tools">
        <Filters filter={filter} />
        <span className="quiet" role="status">
          {found.data === undefined ? "" : shown}
        </span>
        <span className="grow" />
        <Selected
          count={selected.size}
          onAll={() => void all().catch(complain)}
          onNone={() => changeSelection(() => NOTHING)}
        />
        <HitDownloads search={search} asked={asked} selected={selected} />
        <ColumnMenu columns={columns} onToggle={toggleColumn} />
      </div>
      {found.error !== null && <ProblemBox error={found.error} onRetry={() => void found.refetch()} />}
      {found.data !== undefined && found.rows.length === 0 ? (
        <Empty title={texts.results.noHit} help={texts.results.noHitHelp} />
      ) : (
        <HitTable
          search={search}
          rows={found.rows}
          total={found.total}
          isOld={found.isPlaceholderData}
          columns={columns}
          sort={asked.sort}
          selected={selected}
          pages={found}
          onSort={sortBy}
          onSelect={select}
        />
      )}
    </section>
  );
}

type Ranks = ReadonlySet<number>;

const NOTHING: Ranks = new Set();

/** A selection of one query's hits. The function that changes it stays the same, so that rows need not render again. */
function useSelection(of: string): [Ranks, (change: (ranks: Ranks) => Ranks) => void] {
  const [known, setKnown] = useState<{ of: string; ranks: Ranks }>({ of, ranks: NOTHING });
  const change = useCallback(
    (changed: (ranks: Ranks) => Ranks) =>
      setKnown((old) => ({ of, ranks: changed(old.of === of ? old.ranks : NOTHING) })),
    [of],
  );
  return [known.of === of ? known.ranks : NOTHING, change];
}

function toggled(ranks: Ranks, hit: Hit, isSelected: boolean): Ranks {
  const changed = new Set(ranks);
  if (isSelected) changed.add(hit.rank);
  else changed.delete(hit.rank);
  return changed;
}

interface Chosen {
  count: number;
  onAll: () => void;
  onNone: () => void;
}

function Selected({ count: number, onAll, onNone }: Chosen) {
  return number > 0 ? (
    <span>
      {texts.results.selected(count(number))}{" "}
      <button type="button" className="link" onClick={onNone}>
        {texts.results.selectNone}
      </button>
    </span>
  ) : (
    <button type="button" className="link" onClick={onAll}>
      {texts.results.selectAll}
    </button>
  );
}

function ColumnMenu({ columns, onToggle }: { columns: readonly ColumnName[]; onToggle: (name: ColumnName) => void }) {
  return (
    <Menu label={texts.results.chooseColumns} className="right labelled">
      {CHOOSABLE.map((name) => (
        <label key={name} className="row tight">
          <input type="checkbox" checked={columns.includes(name)} onChange={() => onToggle(name)} />
          {texts.results.columns[name]}
        </label>
      ))}
    </Menu>
  );
}
