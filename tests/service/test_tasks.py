"""How tasks end, whatever comes just before that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shardblast.core.errors import ConflictError
from shardblast.core.search import State
from shardblast.core.task import Step, Task, TaskId, TaskKind
from shardblast.service.tasks import Tasks, Watch
from shardblast.store.connection import SqlDatabase, migrate
from shardblast.store.databases import TaskStore

TASK = Task(TaskId("t1"), TaskKind.ADD, "16s", "ada", {"text": "ncbi:16S"}, 1.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TaskStore]:
    database = SqlDatabase(f"sqlite:///{tmp_path / 'test.sqlite'}")
    migrate(database)
    yield TaskStore(database, lambda event: None)
    database.close()


def ran(store: TaskStore, work: Callable[[Tasks, Watch], str]) -> Task:
    """Run a task that does this; return it as it ended."""
    tasks = Tasks(store, {TaskKind.ADD: lambda task, watch: work(tasks, watch)}, lambda task: None)
    tasks.run(TASK)
    return tasks.store.get(TASK.id)


def test_what_can_not_be_taken_back_is_not_begun_for_a_task_that_is_cancelled(store: TaskStore) -> None:
    begun: list[str] = []

    def work(tasks: Tasks, watch: Watch) -> str:
        tasks.cancel(TASK.id)
        watch.settle()
        begun.append("switched")
        return "added"

    task = ran(store, work)

    assert (task.state, task.outcome, begun) == (State.CANCELLED, None, [])


def test_a_task_that_has_begun_what_can_not_be_taken_back_can_not_be_cancelled(store: TaskStore) -> None:
    def work(tasks: Tasks, watch: Watch) -> str:
        watch.settle()
        with pytest.raises(ConflictError, match="about to end"):
            tasks.cancel(TASK.id)
        return "added"

    task = ran(store, work)

    assert (task.state, task.outcome, task.step) == (State.COMPLETED, "added", Step.SWITCHING)


def test_a_task_that_another_server_has_cancelled_is_given_up_for_good(store: TaskStore) -> None:
    known: list[bool] = []

    def work(tasks: Tasks, watch: Watch) -> str:
        Tasks(store, {}, lambda task: None).cancel(TASK.id)  # on another server; this one does not know yet
        try:
            watch.settle()
        finally:
            known.append(watch.is_cancelled())
        return "added"

    assert ran(store, work).state is State.CANCELLED
    assert known == [True]
