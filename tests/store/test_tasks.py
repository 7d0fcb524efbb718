"""Tasks in SQLite and in PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shardblast.core.errors import ConflictError, NotFoundError
from shardblast.core.search import Event, State
from shardblast.core.task import Step, Task, TaskId, TaskKind, task_moved
from shardblast.store.connection import SqlDatabase
from shardblast.store.databases import TaskStore
from shardblast.store.searches import SearchStore

TASK = Task(TaskId("t1"), TaskKind.ADD, "16s", "ada", {"text": "ncbi:16S"}, 1.0)


@pytest.fixture
def announced() -> list[Event]:
    return []


@pytest.fixture
def store(database: SqlDatabase, announced: list[Event]) -> TaskStore:
    return TaskStore(database, announced.append)


def test_a_task_is_read_back_unchanged(store: TaskStore) -> None:
    task = replace(TASK, state=State.RUNNING, step=Step.BRINGING, done=5, total=1 << 40, started=2.0)

    store.add(task)

    assert store.get(TASK.id) == task


def test_adding_a_task_again_changes_nothing(store: TaskStore, announced: list[Event]) -> None:
    store.add(TASK)
    store.change(TASK.id, lambda one: task_moved(one, State.RUNNING, 2.0))

    store.add(TASK)

    assert store.get(TASK.id).state is State.RUNNING
    assert len(announced) == 2


def test_changes_of_a_task_are_events_that_can_be_read_later(
    store: TaskStore, announced: list[Event], database: SqlDatabase
) -> None:
    store.add(TASK)
    store.change(TASK.id, lambda one: task_moved(one, State.RUNNING, 2.0))
    store.change(TASK.id, lambda one: task_moved(one, State.COMPLETED, 3.0, outcome="done"))

    assert [event.kind for event in announced] == ["task"] * 3
    assert announced[-1].ends
    assert "details" not in announced[-1].data
    _, last = store.snapshot(TASK.id)
    assert last == announced[-1].id
    assert (
        SearchStore(database, announced.append).events_after(announced[0].search_id, announced[0].id) == announced[1:]
    )


def test_a_task_that_has_ended_does_not_change(store: TaskStore) -> None:
    store.add(TASK)
    store.change(TASK.id, lambda one: task_moved(one, State.CANCELLED, 2.0))

    with pytest.raises(ConflictError):
        store.change(TASK.id, lambda one: task_moved(one, State.COMPLETED, 3.0))


def test_active_tasks_are_those_of_a_database_that_are_not_over(store: TaskStore) -> None:
    store.add(TASK)
    store.add(replace(TASK, id=TaskId("t2"), created=2.0))
    store.add(replace(TASK, id=TaskId("t3"), database="nr"))
    store.change(TaskId("t2"), lambda one: task_moved(one, State.CANCELLED, 3.0))

    assert [one.id for one in store.active("16s")] == ["t1"]
    assert len(store.active()) == 2
    assert [one.id for one in store.newest("16s", 9)] == ["t2", "t1"]


def test_old_tasks_are_forgotten_with_their_events(
    store: TaskStore, database: SqlDatabase, announced: list[Event]
) -> None:
    store.add(TASK)
    store.change(TASK.id, lambda one: task_moved(one, State.CANCELLED, 2.0))

    store.remove_ended_before(3.0)

    with pytest.raises(NotFoundError):
        store.get(TASK.id)
    assert SearchStore(database, announced.append).events_after(announced[0].search_id, 0) == []
