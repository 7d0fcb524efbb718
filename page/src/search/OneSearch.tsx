import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { VIEWS, type ViewName } from "../addresses";
import { deleteLater, useCancel, useRetry } from "../parts/actions";
import { Problem, shareToken, type Search } from "../api/client";
import { isCancellable, isOver, isUnderWay, useLiveSearch } from "../api/live";
import { searchQuery, useFormats } from "../api/queries";
import { duration, exactTime, plural, time } from "../model/display";
import { formatName } from "../model/formats";
import { elapsed } from "../model/progress";
import { useNow } from "../parts/clock";
import { Download } from "../parts/Download";
import { Menu } from "../parts/Menu";
import { addressOf } from "../parts/saving";
import { State } from "../parts/State";
import { ConnectionState, Empty, Loading, ProblemBox } from "../parts/Told";
import { readAhead } from "../results/ahead";
import { Downloads } from "../results/Downloads";
import { Results } from "../results/Results";
import { texts } from "../texts";
import { ProgressView } from "./ProgressView";
import { ReportView } from "./ReportView";
import { Share } from "./Share";

const route = getRouteApi("/searches/$id");
const WITHOUT_RESULT: ReadonlySet<ViewName> = new Set(["progress"]);

export function OneSearch() {
  const { id } = route.useParams();
  const found = useQuery(searchQuery(id));
  const connection = useLiveSearch(id, found.data?.state);
  const title = found.data?.title;
  useEffect(() => {
    if (title !== undefined) document.title = `${title} · ${texts.name}`;
  }, [title]);
  if (found.error !== null && (found.data === undefined || isGone(found.error)))
    return <Missing error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading />;
  return (
    <article className="page search" aria-labelledby="search-title">
      <Head search={found.data} />
      <ConnectionState connection={connection} />
      <View search={found.data} />
    </article>
  );
}

function isGone(error: Error): error is Problem {
  return error instanceof Problem && error.status === 404;
}

function Missing({ error, onRetry }: { error: Error; onRetry: () => void }) {
  if (!isGone(error)) return <ProblemBox error={error} onRetry={onRetry} />;
  return (
    <Empty title={error.detail} help={error.remedy}>
      <Link to="/searches">{texts.nav.searches}</Link>
    </Empty>
  );
}

function Head({ search }: { search: Search }) {
  const now = useNow(isUnderWay(search.state));
  const took = elapsed(search, now);
  return (
    <header className="search-head">
      <div className="row wrap">
        <h1 id="search-title">{search.title}</h1>
        <span aria-live="polite">
          <State state={search.state} />
        </span>
        <span className="grow" />
        <Actions search={search} />
      </div>
      <p className="quiet line">
        <span>
          {search.program} {texts.search.in} {search.database}
        </span>
        <span>{plural(search.queries, ...texts.counts.queries)}</span>
        {search.hits !== null && <span>{plural(search.hits, ...texts.counts.hits)}</span>}
        {search.options.length > 0 && <code>{search.options.join(" ")}</code>}
        <span title={exactTime(search.created)}>{time(search.created)}</span>
        {took !== null && <span>{duration(took)}</span>}
        {search.attempt > 1 && <span>{texts.search.attempt(search.attempt)}</span>}
      </p>
    </header>
  );
}

function Actions({ search }: { search: Search }) {
  const navigate = useNavigate();
  const retry = useRetry();
  const [isSharing, setIsSharing] = useState(false);
  const formats = useFormats(search);
  const isOwn = shareToken() === null;
  const leave = () => void navigate({ to: "/searches" });
  const back = () => void navigate({ to: "/searches/$id", params: { id: search.id } });
  return (
    <div className="row wrap">
      {search.state === "completed" && (
        <>
          <Download address={addressOf(search.id, "results")} className="button primary">
            {texts.search.downloadAs(formatName(formats, search.output))}
          </Download>
          <Downloads search={search} />
        </>
      )}
      {isOwn && !isOver(search.state) && <Cancel search={search} />}
      {isOwn && (search.state === "failed" || search.state === "cancelled") && (
        <button type="button" className="primary" disabled={retry.isPending} onClick={() => retry.mutate(search)}>
          {texts.searches.retry}
        </button>
      )}
      {isOwn && (
        <button type="button" onClick={() => setIsSharing(true)}>
          {texts.search.share}
        </button>
      )}
      {isOwn && (
        <Menu label="⋯" name={texts.searches.actionsOf(search.title)} className="right">
          <Link to="/new" search={{ from: search.id }}>
            {texts.searches.edit}
          </Link>
          {isOver(search.state) && (
            <button type="button" className="danger" onClick={() => deleteLater(search, leave, back, () => undefined)}>
              {texts.searches.delete}
            </button>
          )}
        </Menu>
      )}
      {isSharing && <Share search={search} onClose={() => setIsSharing(false)} />}
    </div>
  );
}

function Cancel({ search }: { search: Search }) {
  const cancel = useCancel();
  return (
    <button
      type="button"
      className="danger"
      disabled={cancel.isPending || !isCancellable(search.state)}
      onClick={() => cancel.mutate(search)}
    >
      {search.state === "cancelling" ? texts.searches.cancelling : texts.searches.cancel}
    </button>
  );
}

function View({ search }: { search: Search }) {
  const address = route.useSearch();
  const isCompleted = search.state === "completed";
  const wanted = address.view ?? (isCompleted ? "descriptions" : "progress");
  const view = isCompleted || WITHOUT_RESULT.has(wanted) ? wanted : "progress";
  return (
    <>
      <nav className="tabs" aria-label={search.title}>
        {VIEWS.map((one) => (
          <Tab
            key={one}
            id={search.id}
            view={one}
            isShown={one === view}
            isThere={isCompleted || WITHOUT_RESULT.has(one)}
          />
        ))}
      </nav>
      {view === "progress" && <ProgressView search={search} />}
      {view === "report" && <ReportView search={search} />}
      {view !== "progress" && view !== "report" && <Results search={search} view={view} />}
    </>
  );
}

function Tab({ id, view, isShown, isThere }: { id: string; view: ViewName; isShown: boolean; isThere: boolean }) {
  const name = texts.search.views[view];
  const client = useQueryClient();
  const address = route.useSearch();
  const ahead = () => readAhead(client, id, view, address);
  if (!isThere) {
    return (
      <span className="tab" aria-disabled="true">
        {name}
      </span>
    );
  }
  return (
    <Link
      to="/searches/$id"
      params={{ id }}
      search={(old) => ({ ...old, view })}
      onFocus={ahead}
      onMouseEnter={ahead}
      className={isShown ? "tab chosen" : "tab"}
      aria-current={isShown ? "page" : undefined}
    >
      {name}
    </Link>
  );
}
