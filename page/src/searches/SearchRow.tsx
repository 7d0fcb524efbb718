import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { deleteLater, useCancel, useRetry } from "../parts/actions";
import type { Search } from "../api/client";
import { isCancellable, isOver } from "../api/live";
import { count, duration, exactTime, time } from "../model/display";
import { currentPhase, elapsed, share } from "../model/progress";
import { Menu } from "../parts/Menu";
import { Meter } from "../parts/Meter";
import { State } from "../parts/State";
import { texts } from "../texts";

interface Shown {
  search: Search;
  now: number;
  top: number;
  index: number;
  onHide: (id: string, isHidden: boolean) => void;
}

export const SearchRow = memo(function SearchRow({ search, now, top, index, onHide }: Shown) {
  const took = elapsed(search, now);
  return (
    <div className="tr" role="row" aria-rowindex={index + 2} style={{ transform: `translateY(${top}px)` }}>
      <span role="cell" className="clip">
        <Link to="/searches/$id" params={{ id: search.id }} className="title">
          {search.title}
        </Link>
        <span className="quiet block clip">
          {search.program} {texts.search.in} {search.database} <About search={search} />
        </span>
      </span>
      <span role="cell">
        <State state={search.state} />
        <Progress search={search} />
      </span>
      <span role="cell" className="number">
        {count(search.queries)}
      </span>
      <span role="cell" className="number">
        {search.hits === null ? "" : count(search.hits)}
      </span>
      <span role="cell" className="number">
        {took === null ? "" : duration(took)}
      </span>
      <span role="cell" title={exactTime(search.created)}>
        {time(search.created)}
      </span>
      <span role="cell" className="actions">
        <Actions search={search} onHide={onHide} />
      </span>
    </div>
  );
});

/** The reason for waiting of a search that waits; otherwise its options. */
function About({ search }: { search: Search }) {
  if (search.waiting === null) return search.options.join(" ");
  const sentence = search.waiting.sentence;
  return (
    <strong className={search.waiting.code === "turn" ? "waiting" : "waiting lacking"} title={sentence}>
      {sentence}
    </strong>
  );
}

function Progress({ search }: { search: Search }) {
  if (search.state === "failed") return <small className="block clip">{search.failure?.problem}</small>;
  const phase = currentPhase(search.phases);
  if (phase === undefined) return null;
  const name = texts.phases[phase.name]?.name ?? phase.name;
  return (
    <span className="progress">
      <Meter share={share(phase) ?? 0} label={name} />
      <small>{name}</small>
    </span>
  );
}

function Actions({ search, onHide }: Pick<Shown, "search" | "onHide">) {
  const client = useQueryClient();
  const cancel = useCancel();
  const retry = useRetry();
  const remove = () =>
    deleteLater(
      search,
      () => onHide(search.id, true),
      () => onHide(search.id, false),
      () => void client.invalidateQueries({ queryKey: ["searches"] }),
    );
  return (
    <Menu label="⋯" name={texts.searches.actionsOf(search.title)} className="right">
      <Link to="/searches/$id" params={{ id: search.id }}>
        {texts.searches.open}
      </Link>
      <Link to="/new" search={{ from: search.id }}>
        {texts.searches.edit}
      </Link>
      {isCancellable(search.state) && (
        <button type="button" onClick={() => cancel.mutate(search)}>
          {texts.searches.cancel}
        </button>
      )}
      {(search.state === "failed" || search.state === "cancelled") && (
        <button type="button" onClick={() => retry.mutate(search)}>
          {texts.searches.retry}
        </button>
      )}
      {isOver(search.state) && (
        <button type="button" className="danger" onClick={remove}>
          {texts.searches.delete}
        </button>
      )}
    </Menu>
  );
}
