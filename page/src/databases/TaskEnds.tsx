import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import type { Task } from "../api/client";
import { isOver } from "../api/live";
import { tasksQuery } from "../api/queries";
import { announce } from "../parts/notices";
import { texts } from "../texts";
import { whatOf } from "./TaskList";

/** Announces the end of each task, also if it came while the connection was lost. */
export function TaskEnds() {
  const tasks = useQuery(tasksQuery).data;
  const active = useRef(new Set<string>());
  useEffect(() => {
    for (const one of tasks ?? []) {
      if (!isOver(one.state)) active.current.add(one.id);
      else if (active.current.delete(one.id)) announce({ text: endOf(one), isProblem: one.state === "failed" });
    }
  }, [tasks]);
  return null;
}

export function endOf(task: Task): string {
  const more = task.failure === null ? (task.outcome ?? "") : `${task.failure.problem} ${task.failure.remedy}`;
  return texts.databases.ended(whatOf(task), task.state, more);
}
