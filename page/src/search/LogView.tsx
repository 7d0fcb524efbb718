import { useQuery } from "@tanstack/react-query";
import { logQuery } from "../api/queries";
import { exactTime, secondTime } from "../model/display";
import { Loading, ProblemBox } from "../parts/Told";
import { texts } from "../texts";

export function LogView({ id }: { id: string }) {
  const found = useQuery(logQuery(id));
  return (
    <section className="card" aria-labelledby="log-title">
      <h2 id="log-title">{texts.search.log}</h2>
      {found.error !== null && <ProblemBox error={found.error} onRetry={() => void found.refetch()} />}
      {found.isPending && <Loading />}
      <ol className="log" tabIndex={0} aria-labelledby="log-title">
        {found.data?.map((one, at) => (
          <li key={at} className={one.level}>
            {one.at === null ? (
              <span className="quiet">{texts.search.logNoTime}</span>
            ) : (
              <time dateTime={new Date(one.at * 1000).toISOString()} title={exactTime(one.at)} className="quiet">
                {secondTime(one.at)}
              </time>
            )}
            <span>{one.text}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
