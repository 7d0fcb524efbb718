import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { databasesQuery, meQuery } from "../api/queries";
import { Empty, Loading, ProblemBox } from "../parts/Told";
import { texts } from "../texts";
import { AddDatabase } from "./AddDatabase";
import { DatabaseTable } from "./DatabaseTable";
import { TaskList } from "./TaskList";

const { databases: words } = texts;

export function Databases() {
  const found = useQuery(databasesQuery);
  const me = useQuery(meQuery);
  const [isAdding, setIsAdding] = useState(false);
  const mayAdd = me.data?.scopes.includes("admin") === true;
  return (
    <section className="page" aria-labelledby="databases-title">
      <header className="row wrap">
        <h1 id="databases-title">{texts.nav.databases}</h1>
        <span className="grow" />
        {mayAdd && (
          <button type="button" className="primary" onClick={() => setIsAdding(true)}>
            {words.add}
          </button>
        )}
      </header>
      <TaskList me={me.data ?? null} />
      {found.error !== null && <ProblemBox error={found.error} onRetry={() => void found.refetch()} />}
      {found.isPending && <Loading />}
      {found.data?.length === 0 && <Empty title={words.empty} help={words.emptyHelp} />}
      {found.data !== undefined && found.data.length > 0 && <DatabaseTable databases={found.data} mayChange={mayAdd} />}
      {isAdding && <AddDatabase onClose={() => setIsAdding(false)} />}
    </section>
  );
}
