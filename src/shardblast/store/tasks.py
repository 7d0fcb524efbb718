"""Tasks: every change is one transaction that also writes the event."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from shardblast.core.errors import NotFoundError
from shardblast.core.search import UNENDED, Event
from shardblast.core.task import Task, TaskId, task_document, task_of
from shardblast.store.connection import Database
from shardblast.store.events import note
from shardblast.store.tables import events, tasks


class TaskStore:
    """Reads and changes tasks; tells ``announce`` of every event once it is committed."""

    def __init__(self, database: Database, announce: Callable[[Event], None]) -> None:
        self._database = database
        self._announce = announce
        self._order = threading.Lock()
        """As in ``SearchStore``."""

    def add(self, task: Task) -> Task:
        """Add a task; one of this id stays as it is."""
        with self._order:
            with self._database.writing() as connection:
                if connection.execute(select(tasks.c.id).where(tasks.c.id == task.id)).first() is not None:
                    return task
                connection.execute(insert(tasks).values(asdict(task)))
                event = note(connection, self._database, task.id, "task", task_document(task))
            self._announce(event)
        return task

    def get(self, task_id: TaskId) -> Task:
        """Return a task.

        Raises:
            NotFoundError: There is none with this id.
        """
        with self._database.reading() as connection:
            return self._get(connection, task_id)

    def snapshot(self, task_id: TaskId) -> tuple[Task, int]:
        """Return a task and the id of the last event that it includes."""
        with self._database.reading() as connection:
            task = self._get(connection, task_id)
            last = connection.scalar(select(func.max(events.c.id)).where(events.c.search_id == task_id))
        return task, last or 0

    def change(self, task_id: TaskId, change: Callable[[Task], Task]) -> Task:
        """Apply a pure change to a task; one transaction.

        Raises:
            NotFoundError: There is no such task.
            ConflictError: The change refused the state it found.
        """
        with self._order:
            with self._database.writing() as connection:
                before = self._get(connection, task_id, lock=True)
                after = change(before)
                if after == before:
                    return after
                connection.execute(update(tasks).where(tasks.c.id == task_id).values(asdict(after)))
                event = note(connection, self._database, task_id, "task", task_document(after))
            self._announce(event)
        return after

    def newest(self, database: str | None, limit: int) -> Sequence[Task]:
        """Return tasks, newest first, of one database or of all."""
        query = select(tasks).order_by(tasks.c.created.desc(), tasks.c.id.desc()).limit(limit)
        if database is not None:
            query = query.where(tasks.c.database == database)
        with self._database.reading() as connection:
            return [_task(row) for row in connection.execute(query)]

    def some(self, ids: Collection[TaskId]) -> Sequence[Task]:
        """Return those of some tasks that are there."""
        with self._database.reading() as connection:
            return [_task(row) for row in connection.execute(select(tasks).where(tasks.c.id.in_(ids)))]

    def active(self, database: str | None = None) -> Sequence[Task]:
        """Return the tasks that are not over, oldest first, of one database or of all."""
        query = select(tasks).where(tasks.c.state.in_(UNENDED)).order_by(tasks.c.created)
        if database is not None:
            query = query.where(tasks.c.database == database)
        with self._database.reading() as connection:
            return [_task(row) for row in connection.execute(query)]

    def remove_ended_before(self, at: float) -> None:
        """Remove the tasks that ended before a time."""
        self._remove(tasks.c.finished < at)

    def remove_ended(self, task_id: TaskId) -> None:
        """Remove a task if it has ended."""
        self._remove((tasks.c.id == task_id) & tasks.c.finished.is_not(None))

    def _remove(self, which: ColumnElement[bool]) -> None:
        with self._database.writing() as connection:
            connection.execute(delete(events).where(events.c.search_id.in_(select(tasks.c.id).where(which))))
            connection.execute(delete(tasks).where(which))

    def _get(self, connection: Connection, task_id: TaskId, *, lock: bool = False) -> Task:
        query = select(tasks).where(tasks.c.id == task_id)
        row = connection.execute(query.with_for_update() if lock else query).one_or_none()
        if row is None:
            raise NotFoundError("There is no such task.", remedy="List the tasks of the database.")
        return _task(row)


def _task(row: Row[Any]) -> Task:
    return task_of(dict(row._mapping))
