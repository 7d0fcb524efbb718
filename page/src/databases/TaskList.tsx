import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useContext } from "react";
import { complain } from "../parts/actions";
import { api, told, type Me, type Task } from "../api/client";
import { isCancellable, isOver, isUnderWay } from "../api/live";
import { TasksConnection } from "../api/liveCluster";
import { tasksQuery } from "../api/queries";
import { bytes, duration, time } from "../model/display";
import { elapsed } from "../model/progress";
import { useNow } from "../parts/clock";
import { Meter } from "../parts/Meter";
import { State } from "../parts/State";
import { ConnectionState } from "../parts/Told";
import { texts } from "../texts";

const { databases: words } = texts;
const RECENT_S = 3600;
const NO_TASKS: readonly Task[] = [];

/** Tasks of databases: unfinished ones and those of the last hour. */
export function TaskList({ me }: { me: Me | null }) {
  const connection = useContext(TasksConnection);
  const tasks = useQuery(tasksQuery).data ?? NO_TASKS;
  const now = useNow(tasks.some((one) => !isOver(one.state)));
  const shown = tasks.filter((one) => now - (one.finished ?? now) < RECENT_S);
  return (
    <>
      <ConnectionState connection={connection} />
      {shown.length > 0 && (
        <section className="card" aria-labelledby="tasks-title">
          <h2 id="tasks-title">{words.tasks}</h2>
          <ul className="plain tasks-list">
            {shown.map((one) => (
              <TaskRow key={one.id} task={one} now={now} me={me} />
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

export function whatOf(task: Task): string {
  return `${words.kinds[task.kind] ?? task.kind} ${task.database}`;
}

/** Actions of a task that the reader may use. Retrying needs the right to start such a task. */
function actionsOf(task: Task, me: Me | null): ("cancel" | "retry" | "dismiss")[] {
  if (me === null || !me.scopes.includes("search")) return [];
  const administers = me.scopes.includes("admin");
  if (me.owner !== task.owner && !administers) return [];
  if (isCancellable(task.state)) return ["cancel"];
  if (task.state !== "failed" && task.state !== "cancelled") return [];
  return administers || task.kind === "warm" ? ["retry", "dismiss"] : ["dismiss"];
}

const REQUESTS = {
  cancel: (id: string) => told(api.POST("/api/v1/tasks/{task_id}/cancel", { params: { path: { task_id: id } } })),
  retry: async (id: string) => {
    await told(api.POST("/api/v1/tasks/{task_id}/retry", { params: { path: { task_id: id } } }));
    await REQUESTS.dismiss(id);
  },
  dismiss: (id: string) => told(api.DELETE("/api/v1/tasks/{task_id}", { params: { path: { task_id: id } } })),
};

export function TaskRow({ task, now, me }: { task: Task; now: number; me: Me | null }) {
  const took = elapsed(task, now);
  const cache = useQueryClient();
  const change = useMutation<unknown, Error, keyof typeof REQUESTS>({
    mutationFn: (action) => REQUESTS[action](task.id),
    onError: complain,
    onSettled: () => cache.invalidateQueries({ queryKey: tasksQuery.queryKey }),
  });
  return (
    <li>
      <span>
        {words.kinds[task.kind]} <strong>{task.database}</strong>
      </span>
      <State state={task.state} />
      <span className="grow">
        {isUnderWay(task.state) && <Step task={task} />}
        {task.outcome !== null && <span className="quiet">{task.outcome}</span>}
        {task.failure !== null && (
          <span className="mend">
            {task.failure.problem} <em>{task.failure.remedy}</em>
          </span>
        )}
      </span>
      <span className="quiet">
        {took === null ? "" : duration(took)} · {time(task.created)}
      </span>
      {actionsOf(task, me).map((action) => (
        <button
          key={action}
          type="button"
          className={action === "cancel" ? "small danger" : "small"}
          aria-label={words.taskActionOf(words.taskActions[action], whatOf(task))}
          disabled={change.isPending}
          onClick={() => change.mutate(action)}
        >
          {words.taskActions[action]}
        </button>
      ))}
    </li>
  );
}

function Step({ task }: { task: Task }) {
  const name = task.step === null ? "" : (words.steps[task.step] ?? task.step);
  const total = task.total > 0 ? ` / ${bytes(task.total)}` : "";
  return (
    <span className="progress">
      <Meter
        share={task.total > 0 ? task.done / task.total : 0}
        label={name}
        className={task.total > 0 ? "" : "unknown"}
      />
      <small>{[name, `${bytes(task.done)}${total}`].filter((one) => one !== "").join(", ")}</small>
    </span>
  );
}
