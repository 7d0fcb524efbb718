"""Tasks of a service: cancelled, retried, dismissed, followed, resumed after a kill."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_sse import connect_sse

from shardblast.core.errors import ConflictError, DiskFull, StorageError, StoreError
from shardblast.core.search import State
from shardblast.core.task import Step, Task, TaskId, TaskKind
from shardblast.service.tasks import Tasks, Watch
from shardblast.storage.objects import MARK
from shardblast.store.connection import SqlDatabase, migrate
from shardblast.store.databases import TaskStore
from tests.sequences import real, write_fasta
from tests.service.databases import add, database, many, task_ended
from tests.service.server import END_WITHIN_S, Server
from tests.waiting import until

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


def test_the_irreversible_step_is_not_begun_for_a_cancelled_task(store: TaskStore) -> None:
    begun: list[str] = []

    def work(tasks: Tasks, watch: Watch) -> str:
        tasks.cancel(TASK.id)
        watch.settle()
        begun.append("switched")
        return "added"

    task = ran(store, work)

    assert (task.state, task.outcome, begun) == (State.CANCELLED, None, [])


def test_a_task_that_has_begun_its_irreversible_step_cannot_be_cancelled(store: TaskStore) -> None:
    def work(tasks: Tasks, watch: Watch) -> str:
        watch.settle()
        with pytest.raises(ConflictError, match="about to end"):
            tasks.cancel(TASK.id)
        return "added"

    task = ran(store, work)

    assert (task.state, task.outcome, task.step) == (State.COMPLETED, "added", Step.SWITCHING)


def test_a_task_that_another_server_has_cancelled_never_resumes(store: TaskStore) -> None:
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


def test_adding_resumes_after_a_kill(own_server: Server, tmp_path: Path) -> None:
    fasta = many(tmp_path / "many.fa")
    task = add(own_server, "killed", fasta)
    for event in own_server.task_events(task["id"]):
        if json.loads(event.data)["done"]:
            break

    own_server.kill()
    own_server.start()

    ended = task_ended(own_server, task["id"])
    assert ended["state"] == "completed", ended["failure"]
    assert database(own_server, "killed")["num_seqs"] == 80_000
    assert not list((own_server.home / "adding").iterdir())


def test_a_cancelled_task_leaves_nothing(own_server: Server, tmp_path: Path) -> None:
    fasta = many(tmp_path / "many.fa")
    task = add(own_server, "unwanted", fasta)
    for event in own_server.task_events(task["id"]):
        if json.loads(event.data)["done"]:
            break

    cancelled = own_server.http.post(f"/tasks/{task['id']}/cancel")

    assert cancelled.json()["state"] == "cancelling"
    assert task_ended(own_server, task["id"])["state"] == "cancelled"
    assert not list((own_server.home / "adding").iterdir())
    assert own_server.http.get("/databases/unwanted").status_code == 404
    assert not (own_server.home / "storage" / "databases" / "unwanted").exists()


def test_tasks_wait_for_a_storage_that_is_away_and_say_so(own_server: Server, fasta: Path) -> None:
    storage, away = own_server.home / "storage", own_server.home / "away"

    def while_away(begin: Callable[[], dict[str, Any]], reason: str) -> dict[str, Any]:
        storage.rename(away)
        if "mounted" in reason:
            storage.mkdir()
            ready = f"{own_server.url}/ready"
            until(lambda: httpx.get(ready).json()["status"] == "impaired")  # what is known to be away is told alike
        task = begin()
        until(lambda: own_server.http.get(f"/tasks/{task['id']}").json()["outcome"] == reason)
        assert own_server.http.get(f"/tasks/{task['id']}").json()["state"] == "running"
        if "mounted" in reason:
            storage.rmdir()  # fails unless it is empty
        away.rename(storage)
        return task_ended(own_server, task["id"])

    missing = "The folder of the storage is missing. It is retried."
    empty = f"The folder of the storage is empty or not mounted: it has no file {MARK}. It is retried."
    added = while_away(lambda: add(own_server, "waited", fasta), missing)
    write_fasta(fasta, real("proteins")[:7])
    updated = while_away(lambda: own_server.http.post("/databases/waited/update").json(), empty)

    assert [one["state"] for one in (added, updated)] == ["completed"] * 2
    assert ("1,500 sequences" in added["outcome"], "7 sequences" in updated["outcome"]) == (True, True)
    assert database(own_server, "waited")["num_seqs"] == 7
    assert not list((own_server.home / "adding").iterdir())


def test_a_task_that_waits_for_its_storage_can_be_cancelled(own_server: Server, fasta: Path) -> None:
    storage, away = own_server.home / "storage", own_server.home / "away"
    storage.rename(away)
    task = add(own_server, "unwanted", fasta)
    until(lambda: own_server.http.get(f"/tasks/{task['id']}").json()["outcome"])

    own_server.http.post(f"/tasks/{task['id']}/cancel")

    ended = task_ended(own_server, task["id"])
    assert (ended["state"], ended["outcome"], ended["failure"]) == ("cancelled", None, None)
    away.rename(storage)
    assert task_ended(own_server, add(own_server, "unwanted", fasta)["id"])["state"] == "completed"


def test_work_is_begun_again_only_after_failures_that_pass(store: TaskStore) -> None:
    said: list[tuple[State, str | None]] = []
    errors: list[Exception] = [StoreError("No SQL.", remedy=""), StorageError("No storage.", remedy=""), DiskFull()]

    def work(tasks: Tasks, watch: Watch) -> str:
        task = store.get(TASK.id)
        said.append((task.state, task.outcome))
        watch.begin(Step.STORING)
        assert store.get(TASK.id).outcome is None
        raise errors[len(said) - 1]

    task = ran(store, work)

    assert [outcome for _, outcome in said] == [None, "No SQL. It is retried.", "No storage. It is retried."]
    assert {state for state, _ in said} == {State.RUNNING}
    assert (task.state, task.outcome) == (State.FAILED, None)
    assert task.failure is not None
    assert task.failure.code == "disk-full"


def test_a_task_that_failed_is_retried_or_dismissed(own_server: Server, tmp_path: Path) -> None:
    fasta = tmp_path / "mended.fa"
    fasta.write_text(">a\n>b\n")
    failed = task_ended(own_server, add(own_server, "mended", fasta)["id"])
    assert failed["state"] == "failed"
    write_fasta(fasta, real("proteins")[:5])

    again = own_server.http.post(f"/tasks/{failed['id']}/retry")

    assert again.status_code == 202
    assert again.headers["location"] == f"/api/v1/tasks/{again.json()['id']}"
    assert task_ended(own_server, again.json()["id"])["state"] == "completed"
    assert own_server.http.get("/databases/mended").json()["num_seqs"] == 5
    refused = own_server.http.post(f"/tasks/{again.json()['id']}/retry")
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "Only a task that failed or was cancelled can be retried.",
    )
    assert own_server.http.delete(f"/tasks/{failed['id']}").status_code == 204
    assert own_server.http.get(f"/tasks/{failed['id']}").status_code == 404
    assert [one["id"] for one in own_server.http.get("/tasks").json() if one["database"] == "mended"] == [
        again.json()["id"]
    ]


def test_a_task_that_has_not_ended_is_not_dismissed(own_server: Server, tmp_path: Path) -> None:
    task = add(own_server, "long", many(tmp_path / "long.fa"))

    refused = own_server.http.delete(f"/tasks/{task['id']}")

    assert refused.status_code == 409
    own_server.http.post(f"/tasks/{task['id']}/cancel")
    task_ended(own_server, task["id"])


def test_files_stored_before_a_task_was_cancelled_are_never_used_for_another(
    own_server: Server, tmp_path: Path
) -> None:
    fasta = many(tmp_path / "many.fa")
    task = add(own_server, "stored", fasta)
    for event in own_server.task_events(task["id"]):
        if json.loads(event.data)["step"] in ("checking", "storing"):
            break
    cancelled = own_server.http.post(f"/tasks/{task['id']}/cancel")
    task_ended(own_server, task["id"])
    assert not list((own_server.home / "adding").iterdir())

    answer = own_server.http.post("/databases", json={"name": "stored", "source": str(fasta), "title": "again"})

    if cancelled.status_code == 409:  # it was too late
        assert answer.status_code == 409
        assert database(own_server, "stored")["title"] != "again"
    else:
        again = task_ended(own_server, answer.json()["id"])
        assert again["state"] == "completed", again["failure"]
        assert database(own_server, "stored")["title"] == "again"
    assert own_server.run("db", "check", "stored").stdout == "stored: ok\n"


def test_a_stream_of_all_tasks_reports_each_of_them(server: Server, fasta: Path) -> None:
    with connect_sse(server.http, "GET", "/tasks/events", timeout=END_WITHIN_S) as source:
        events = (one for one in source.iter_sse() if one.event != "message")
        first = next(events)
        ids = {add(server, name, fasta)["id"] for name in ("followed-1", "followed-2", "followed-3")}
        shown: dict[str, Any] = {}
        while {one["state"] for one in shown.values()} != {"completed"} or shown.keys() != ids:
            event = next(events)
            assert event.event == "task"
            shown |= {one["id"]: one for one in [json.loads(event.data)] if one["id"] in ids}

    assert first.event == "reload"
    listed = {one["id"]: one for one in server.http.get("/tasks").json()}
    assert shown == {one: listed[one] for one in ids}
