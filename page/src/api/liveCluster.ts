/** Keeps nodes and tasks up to date by one event stream each. */
import { useQueryClient } from "@tanstack/react-query";
import { createContext, useState } from "react";
import { withNode } from "../model/nodes";
import type { Node, Scaling, Task } from "./client";
import type { Connection, Told } from "./events";
import { isOver, useStream } from "./live";
import { tasksQuery } from "./queries";

const MOST_TASKS = 20;

export interface Cluster {
  /** Null until the first event. */
  nodes: Node[] | null;
  scaling: Scaling | null;
}

interface LiveCluster extends Cluster {
  connection: Connection;
  /** The service's reason for refusing the stream. */
  refused: Error | null;
}

/** Follows all nodes and the scaling. */
export function useLiveNodes(): LiveCluster {
  const [cluster, setCluster] = useState<Cluster>({ nodes: null, scaling: null });
  const [refused, setRefused] = useState<Error | null>(null);
  const onEvent = (event: Told) => {
    setCluster((known) => toldOf(known, event));
    return false;
  };
  const connection = useStream("/api/v1/nodes/events", onEvent, setRefused);
  return { ...cluster, connection, refused };
}

/** Returns the state of the cluster after an event. */
export function toldOf(known: Cluster, { kind, data }: Told): Cluster {
  const nodes = known.nodes ?? [];
  switch (kind) {
    case "nodes":
      return { ...known, nodes: (data as Node[]).reduce<Node[]>(withNode, []) };
    case "node":
      return { ...known, nodes: withNode(nodes, data as Node) };
    case "gone":
      return { ...known, nodes: nodes.filter((one) => one.name !== (data as { name: string }).name) };
    case "scaling":
      return { ...known, scaling: data as Scaling };
    default:
      return known;
  }
}

/** State of the connection of the page's only stream of tasks. */
export const TasksConnection = createContext<Connection>("connecting");

/** Follows all tasks if the reader may see them, and reads the databases again when a task ends. */
export function useLiveTasks(maySee: boolean): Connection {
  const client = useQueryClient();
  return useStream(maySee ? "/api/v1/tasks/events" : null, ({ kind, data }) => {
    if (kind === "reload") void client.invalidateQueries(tasksQuery);
    if (kind !== "task") return false;
    const now = data as Task;
    client.setQueryData(tasksQuery.queryKey, (tasks) => tasks && withTask(tasks, now));
    // An answer under way may be older than this event.
    if (client.isFetching(tasksQuery) > 0) void client.invalidateQueries(tasksQuery);
    if (isOver(now.state)) void client.invalidateQueries({ queryKey: ["databases"] });
    return false;
  });
}

/** Returns tasks, newest first, with one of them updated or added. */
export function withTask(tasks: readonly Task[], task: Task): Task[] {
  if (tasks.some((one) => one.id === task.id)) return tasks.map((one) => (one.id === task.id ? task : one));
  return [task, ...tasks].sort((one, other) => other.created - one.created).slice(0, MOST_TASKS);
}
