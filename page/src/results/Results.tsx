import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ViewName } from "../addresses";
import type { Search } from "../api/client";
import { queryQuery } from "../api/queries";
import { Empty, Loading, ProblemBox } from "../parts/Told";
import { texts } from "../texts";
import { useSpansAhead } from "./ahead";
import { Alignments } from "./Alignments";
import { Descriptions } from "./Descriptions";
import { Distribution } from "./Distribution";
import { Graphic } from "./Graphic";
import type { OfQuery } from "./hits";
import { Organisms } from "./Organisms";
import { QueryList } from "./QueryList";

const route = getRouteApi("/searches/$id");

/** The list of queries beside a view of one query's hits. */
export function Results({ search, view }: { search: Search; view: ViewName }) {
  const number = route.useSearch().query ?? 0;
  const found = useQuery(queryQuery(search.id, number));
  return (
    <div className={search.queries > 1 ? "results" : "results single"}>
      {search.queries > 1 && <QueryList search={search} chosen={number} />}
      <div className="result">
        {found.error !== null && <ProblemBox error={found.error} onRetry={() => void found.refetch()} />}
        {found.isPending && <Loading />}
        {found.data === null && <Empty title={texts.results.noQuery} help="" />}
        {found.data != null && <OneResult search={search} query={found.data} view={view} />}
      </div>
    </div>
  );
}

function OneResult({ search, query, view }: OfQuery & { view: ViewName }) {
  if (query.hits === 0) return <Empty title={texts.results.noHitsTitle} help={texts.results.noHitsHelp} />;
  return <Hits search={search} query={query} view={view} />;
}

function Hits({ search, query, view }: OfQuery & { view: ViewName }) {
  useSpansAhead(search.id, query.number);
  switch (view) {
    case "graphic":
      return <Graphic search={search} query={query} />;
    case "alignments":
      return <Alignments search={search} query={query} />;
    case "distribution":
      return <Distribution search={search} query={query} />;
    case "taxonomy":
      return <Organisms search={search} query={query} />;
    default:
      return <Descriptions search={search} query={query} />;
  }
}
