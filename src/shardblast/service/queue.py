"""The durable workflows of searches and tasks, and the queue of tasks. Work that was begun resumes after any crash.

Only this module uses DBOS.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import InitVar, asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from dbos import DBOS, DBOSConfig, SetWorkflowID, WorkflowHandle

from shardblast.core.errors import DiskFull, Interrupted, NotFoundError, ShardblastError, StoreError, WaitError
from shardblast.core.search import Failure, Search, SearchId, Standing, State, gave_back, moved
from shardblast.core.task import Task
from shardblast.service.results import Results
from shardblast.service.runner import Runner, Turns
from shardblast.service.settings import RUNNING_TASKS
from shardblast.service.tasks import Tasks, failure_of
from shardblast.store.connection import SqlDatabase, record_of
from shardblast.store.events import Peers
from shardblast.store.searches import Change, SearchStore

TASKS = "tasks"
TASKS_POLLED_EVERY_S = 0.5
VERSION = "2"
"""Version of the workflows' steps. It changes when these steps can't resume searches of an older version."""
PEERS_WATCHED_EVERY_S = 5.0
SURE_AFTER_S = 3.0
"""A live server whose connection was cut is back after one second."""
EVERY_HOUR = "17 * * * *"

Workflow = Callable[[dict[str, Any]], None]
Expiry = Callable[[datetime, object], None]

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class DurableQueue:
    """Runs searches and tasks one step after the other, and tasks in the order of their submission.

    Its workflows are registered when it is made; nothing runs before ``launch``.
    """

    _store: SearchStore
    _runner: Runner
    _results: Results
    _tasks: Tasks
    _released: Callable[[str, str], object]
    """Called with each generation of a database that a search no longer needs."""
    _database: SqlDatabase
    """Shared with the servers whose searches are taken over when they are gone."""
    address: InitVar[str]
    """SQL database that records finished steps."""
    engine: InitVar[Any] = None
    """SQLAlchemy engine for that database; None: DBOS creates one."""

    def __post_init__(self, address: str, engine: Any) -> None:
        self._peers = Peers(self._database)
        self._server = self._database.server
        self._stopping = threading.Event()
        self._turns = Turns()
        self._here: set[tuple[SearchId, int]] = set()
        self._expire: Callable[[], object] = lambda: None
        config: DBOSConfig = {
            "name": "shardblast",
            "system_database_url": address,
            "system_database_engine": engine,
            "application_version": VERSION,
            "executor_id": self._server if self._peers.possible else "local",
            "log_level": "WARNING",
            "notification_listener_polling_interval_sec": 1.0,
        }
        DBOS(config=config)
        self._workflow, self._task_workflow, self._expiry = self._workflows()

    def _workflows(self) -> tuple[Workflow, Workflow, Expiry]:
        """Register the workflows of a search, a task and the hourly expiry under names that DBOS persists."""

        @DBOS.workflow(name="search", max_recovery_attempts=None)
        def run(document: dict[str, Any]) -> None:
            self._run(document)

        @DBOS.workflow(name="task", max_recovery_attempts=None)
        def do(document: dict[str, Any]) -> None:
            DBOS.run_step({"name": document["kind"]}, self._tasks.run, record_of(Task, document))

        @DBOS.workflow(name="expire")
        def expire(scheduled: datetime, context: object) -> None:
            self._expire()

        return run, do, expire

    def launch(self, expire: Callable[[], object]) -> None:
        """Resume interrupted work, then run queued tasks, and call ``expire`` every hour."""
        self._expire = expire
        DBOS.launch()
        DBOS.register_queue(
            TASKS,
            global_concurrency=RUNNING_TASKS,
            polling_interval_sec=TASKS_POLLED_EVERY_S,
            on_conflict="always_update",
        )
        schedule: Any = {"schedule_name": "expire", "workflow_fn": self._expiry, "schedule": EVERY_HOUR}
        DBOS.apply_schedules([schedule | {"context": None}])
        if self._peers.possible:
            threading.Thread(target=self._watch_peers, daemon=True).start()

    def close(self) -> None:
        """Stop; running searches resume with the next ``launch``."""
        self._stopping.set()
        self._tasks.stop_all()
        self._runner.stop_all()

    def _watch_peers(self) -> None:
        seen_gone: set[str] = set()
        while not self._stopping.is_set():
            try:
                seen_gone = self._take_over(seen_gone)
            except Exception:  # after any error the next attempt may succeed
                logger.warning("the searches of other servers could not be read", exc_info=True)
            self._stopping.wait(SURE_AFTER_S if seen_gone else PEERS_WATCHED_EVERY_S)

    def _take_over(self, seen_gone: Collection[str]) -> set[str]:
        """Take over the workflows of servers that were gone before and still are; return the newly missing ones."""
        pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        newly_gone: set[str] = set()
        for server in {str(workflow.executor_id) for workflow in pending} - {self._server}:
            with self._peers.gone(server) as gone:
                if gone and server in seen_gone:
                    logger.info("taking over the searches of a server that is gone")
                    DBOS._recover_pending_workflows([server])  # DBOS does the same for servers that keep their names
                elif gone:
                    newly_gone.add(server)
        return newly_gone

    def begin(self, standing: Standing | Search) -> WorkflowHandle[None]:
        """Start a stint of a search, or end it if it is to be cancelled. Does nothing if any server has started it."""
        document = {name: getattr(standing, name) for name in ("id", "stint", "database", "generation")}
        self._here.add((standing.id, standing.stint))
        with SetWorkflowID(f"{standing.id}-{standing.stint}"):
            return DBOS.start_workflow(self._workflow, document)

    def runs_here(self, standing: Standing) -> bool:
        return (standing.id, standing.stint) in self._here

    def enqueue_task(self, task: Task) -> None:
        """Run a task when its turn comes. Does nothing if it is queued already."""
        with SetWorkflowID(task.id):
            DBOS.enqueue_workflow(TASKS, self._task_workflow, asdict(replace(task, details=dict(task.details))))

    def _run(self, document: dict[str, Any]) -> None:
        """Run a search from its first unfinished step."""
        search_id, stint = SearchId(document["id"]), document["stint"]
        self._here.add((search_id, stint))
        steps = {
            "prepare": partial(self._runner.prepare, search_id, stint),
            "search": partial(self._runner.search, search_id, stint),
            "publish": partial(self._runner.publish, search_id, stint, self._results.complete),
        }
        try:
            with self._turns.of(search_id):  # processes of the previous, cancelled stint may still be ending
                for name, step in steps.items():
                    if not DBOS.run_step({"name": name}, self._step, search_id, stint, step):
                        return
        finally:
            self._here.discard((search_id, stint))
            self._released(document["database"], document["generation"])

    def _step(self, search_id: SearchId, stint: int, step: Callable[[], None]) -> bool:
        """Run a step; return whether the next one is to follow."""
        try:
            step()
        except Exception as error:
            self._ended(search_id, stint, error)
            return False
        return True

    def _ended(self, search_id: SearchId, stint: int, error: Exception) -> None:
        failure = failure_of(error, "search", search_id=search_id)
        if isinstance(error, Interrupted):
            failure = Failure("interrupted", "BLAST+ was terminated by another process.", "Retry the search.")
        while self._stopping.is_set():
            time.sleep(1)  # shutting down: leave the step to the next process

        def change(search: Search) -> Search:
            if isinstance(error, WaitError):
                return gave_back(search, error.lack, stint, time.time())
            is_other = search.state.is_final or search.state is State.CANCELLING or search.stint > stint
            return search if is_other else moved(search, State.FAILED, time.time(), failure=failure)

        with suppress(NotFoundError):
            search = self._note(search_id, lambda search: search)
            if failure.code == DiskFull.code and search.runs(stint):
                self._tidy(search_id, self._runner.make_room)
            search = self._note(search_id, change)
            if search.state is State.CANCELLING and search.stint == stint:
                self._tidy(search_id, self._runner.give_up)  # first, so that a retry can't lose files of its own
                self._note(search_id, lambda search: moved(search, State.CANCELLED, time.time()))

    def _tidy(self, search_id: SearchId, tidy: Callable[[SearchId], None]) -> None:
        try:
            tidy(search_id)
        except (ShardblastError, OSError):
            logger.warning("the files of a search can't be removed", exc_info=True, extra={"search_id": search_id})

    def _note(self, search_id: SearchId, change: Change) -> Search:
        """Record the end of a search, however long that takes, so that it does not stay 'running' forever."""
        while True:
            try:
                return self._store.change(search_id, change)
            except (StoreError, DiskFull) as error:
                logger.warning(
                    "the end of a search can't be recorded yet", extra={"search_id": search_id, "code": error.code}
                )
                time.sleep(1)
