"""Databases, their generations, and the tasks on them, in SQL."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Exists, Row, Select, delete, exists, func, insert, select, update

from shardblast.core.database import CataloguedDatabase, Generation
from shardblast.core.errors import ConflictError, NotFoundError
from shardblast.core.search import UNENDED, Event, SearchId
from shardblast.core.task import Task, TaskId, task_document, task_of
from shardblast.store.connection import SqlDatabase
from shardblast.store.events import note
from shardblast.store.tables import databases, events, generations, searches, tasks


class DatabaseStore:
    """Reads and changes the catalogue."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    def add(self, facts: Generation, path: str | None, source: Mapping[str, Any], at: float) -> CataloguedDatabase:
        """Make a generation known as the newest one, and its database if that is new.

        Args:
            facts: The generation.
            path: Where BLAST+ finds it; None if it lies in the storage.
            source: How it was added, for its updates.
            at: Now.
        """
        name, values = facts.database, {"source": dict(source)}
        same = (generations.c.database == name, generations.c.name == facts.name)
        with self._database.writing() as connection:
            if not connection.execute(update(databases).where(databases.c.name == name).values(values)).rowcount:
                connection.execute(insert(databases).values(name=name, **values))
            connection.execute(delete(generations).where(*same))
            row = {"database": name, "name": facts.name, "path": path, "facts": facts.document(), "added": at}
            connection.execute(insert(generations).values(row))
        return CataloguedDatabase(facts, path, at)

    def get(self, name: str, generation: str) -> CataloguedDatabase:
        """Return a generation of a database.

        Raises:
            NotFoundError: It is gone.
        """
        query = _select().where(generations.c.database == name, generations.c.name == generation)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFoundError(
                f"The generation of {name!r} that was searched is gone.", remedy="Submit the search again."
            )
        return _catalogued(row)

    def all(self) -> Sequence[CataloguedDatabase]:
        """Return all generations, by the name of their database, then newest first."""
        query = _select().order_by(generations.c.database, generations.c.added.desc())
        with self._database.reading() as connection:
            return [_catalogued(row) for row in connection.execute(query)]

    def generations(self, name: str) -> Sequence[CataloguedDatabase]:
        """Return all generations of a database, newest first."""
        query = _select().where(generations.c.database == name).order_by(generations.c.added.desc())
        with self._database.reading() as connection:
            return [_catalogued(row) for row in connection.execute(query)]

    def source(self, name: str) -> Mapping[str, Any]:
        """Return how a database was added.

        Raises:
            NotFoundError: There is none of this name.
        """
        with self._database.reading() as connection:
            found: Mapping[str, Any] | None = connection.scalar(
                select(databases.c.source).where(databases.c.name == name)
            )
        if found is None:
            raise NotFoundError(f"There is no database {name!r}.", remedy="List the databases.")
        return found

    def unused(self, name: str) -> Sequence[CataloguedDatabase]:
        """Return the generations of a database that no search uses that is not over, newest first."""
        query = _select().where(generations.c.database == name, ~_is_used()).order_by(generations.c.added.desc())
        with self._database.reading() as connection:
            return [_catalogued(row) for row in connection.execute(query)]

    def searches_of(self, name: str) -> Sequence[SearchId]:
        """Return the searches in a database that are not over."""
        query = select(searches.c.id).where(searches.c.database == name, searches.c.state.in_(UNENDED))
        with self._database.reading() as connection:
            return [SearchId(one) for one in connection.scalars(query)]

    def remove_unused(self, name: str, generation: str) -> bool:
        """Forget a generation unless a search that is not over uses it; return whether it is forgotten."""
        same = (generations.c.database == name, generations.c.name == generation)
        with self._database.writing() as connection:
            unused = delete(generations).where(*same, ~_is_used())
            return bool(connection.execute(unused).rowcount)

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Keep other servers from bringing or removing a database as long as the context lasts; SQLite has none.

        Raises:
            ConflictError: Another one does.
        """
        if not self._database.is_shared:
            yield
            return
        key = int.from_bytes(hashlib.sha256(f"database {name}".encode()).digest()[:8], signed=True)
        with self._database.reading() as connection:
            if not connection.scalar(select(func.pg_try_advisory_xact_lock(key))):
                raise ConflictError(
                    f"The database {name!r} is being added, updated or removed by another server.",
                    remedy="Wait for its end.",
                )
            yield

    def remove(self, name: str) -> None:
        """Forget a database with all its generations.

        Raises:
            NotFoundError: There is none of this name.
        """
        with self._database.writing() as connection:
            if not connection.execute(delete(databases).where(databases.c.name == name)).rowcount:
                raise NotFoundError(f"There is no database {name!r}.", remedy="List the databases.")


class TaskStore:
    """Reads and changes tasks; tells ``announce`` of every event once it is committed."""

    def __init__(self, database: SqlDatabase, announce: Callable[[Event], None]) -> None:
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


def _is_used() -> Exists:
    """Tell whether a search that is not over uses a generation."""
    return exists().where(
        searches.c.database == generations.c.database,
        searches.c.generation == generations.c.name,
        searches.c.state.in_(UNENDED),
    )


def _select() -> Select[Any]:
    return select(generations.c.facts, generations.c.path, generations.c.added)


def _catalogued(row: Row[Any]) -> CataloguedDatabase:
    return CataloguedDatabase(Generation.of(row.facts), row.path, row.added)


def _task(row: Row[Any]) -> Task:
    return task_of(dict(row._mapping))
