"""Databases, their generations and their tasks in SQL."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, Exists, Row, Select, and_, delete, exists, func, insert, select, update

from shardblast.core.database import CataloguedDatabase, Generation
from shardblast.core.errors import ConflictError, NotFoundError
from shardblast.core.search import UNENDED, SearchId, State
from shardblast.core.task import Task, TaskId
from shardblast.store.connection import SqlDatabase
from shardblast.store.events import RecordStore
from shardblast.store.tables import databases, events, generations, searches, tasks


class DatabaseStore:
    """Reads and changes the catalogue of databases."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    def add(self, facts: Generation, path: str | None, source: Mapping[str, Any], at: float) -> CataloguedDatabase:
        """Add a generation as the newest, at ``path`` or (None) in the storage; ``source`` is for updates."""
        name, values = facts.database, {"source": dict(source)}
        with self._database.writing() as connection:
            if not connection.execute(update(databases).where(databases.c.name == name).values(values)).rowcount:
                connection.execute(insert(databases).values(name=name, **values))
            connection.execute(delete(generations).where(_is_generation(name, facts.name)))
            row = {"database": name, "name": facts.name, "path": path, "facts": facts.document(), "added": at}
            connection.execute(insert(generations).values(row))
        return CataloguedDatabase(facts, path, at)

    def get(self, name: str, generation: str) -> CataloguedDatabase:
        query = _select().where(_is_generation(name, generation))
        row = self._database.row(query)
        if row is None:
            problem = f"The generation of {name!r} that was searched no longer exists."
            raise NotFoundError(problem, remedy="Submit the search again.")
        return _catalogued(row)

    def all(self) -> Sequence[CataloguedDatabase]:
        """Return all generations, ordered by database, then newest first."""
        return self._catalogued(_select().order_by(generations.c.database, generations.c.added.desc()))

    def generations(self, name: str) -> Sequence[CataloguedDatabase]:
        """Return all generations of a database, newest first."""
        return self._catalogued(_select().where(generations.c.database == name).order_by(generations.c.added.desc()))

    def source(self, name: str) -> Mapping[str, Any]:
        """Return how a database was added."""
        source: Mapping[str, Any] | None = self._database.scalar(
            select(databases.c.source).where(databases.c.name == name)
        )
        if source is None:
            raise NotFoundError(f"There is no database {name!r}.", remedy="List the databases.")
        return source

    def unused(self, name: str) -> Sequence[CataloguedDatabase]:
        """Return the generations of a database that no unfinished search uses, newest first."""
        query = _select().where(generations.c.database == name, ~_is_used())
        return self._catalogued(query.order_by(generations.c.added.desc()))

    def searches_of(self, name: str) -> Sequence[SearchId]:
        """Return the unfinished searches in a database."""
        query = select(searches.c.id).where(searches.c.database == name, searches.c.state.in_(UNENDED))
        return [SearchId(search_id) for search_id in self._database.scalars(query)]

    def completed_in(self, database: CataloguedDatabase) -> Sequence[str]:
        """Return the completed searches in a generation."""
        query = select(searches.c.id).where(searches.c.database == database.name, searches.c.state == State.COMPLETED)
        return self._database.scalars(query.where(searches.c.generation == database.generation))

    def remove_unused(self, name: str, generation: str) -> bool:
        """Remove a generation unless an unfinished search uses it; return whether it was removed."""
        return bool(self._database.execute(delete(generations).where(_is_generation(name, generation), ~_is_used())))

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Keep other servers from changing a database in the context. Raises ConflictError if one is doing so."""
        if not self._database.is_shared:
            yield
            return
        key = int.from_bytes(hashlib.sha256(f"database {name}".encode()).digest()[:8], signed=True)
        with self._database.reading() as connection:
            if not connection.scalar(select(func.pg_try_advisory_xact_lock(key))):
                problem = f"The database {name!r} is being added, updated or removed by another server."
                raise ConflictError(problem, remedy="Wait until that is done.")
            yield

    def remove(self, name: str) -> None:
        if not self._database.execute(delete(databases).where(databases.c.name == name)):
            raise NotFoundError(f"There is no database {name!r}.", remedy="List the databases.")

    def uses_storage(self) -> bool:
        """Return whether the storage holds a generation or a search."""
        stored = exists().where(generations.c.path.is_(None)) | exists().where(searches.c.id.is_not(None))
        return bool(self._database.scalar(select(stored)))

    def _catalogued(self, query: Select[Any]) -> Sequence[CataloguedDatabase]:
        return [_catalogued(row) for row in self._database.rows(query)]


class TaskStore(RecordStore[Task]):
    record, table, kind = Task, tasks, "task"
    remedy = "List the tasks of the database."

    def add(self, task: Task) -> Task:
        """Add a task unless it exists."""
        with self._transaction() as transaction:
            if transaction.connection.execute(select(tasks.c.id).where(tasks.c.id == task.id)).first() is None:
                self._add(transaction, task)
        return task

    def change(self, task_id: TaskId, change: Callable[[Task], Task]) -> Task:
        """Apply a pure function to a task in a transaction. Raises ConflictError if it does not allow its state."""
        with self._transaction() as transaction:
            return self._change(transaction, task_id, change)[1]

    def newest(self, database: str | None, limit: int) -> Sequence[Task]:
        """Return tasks of one database or of all, newest first."""
        query = select(tasks).order_by(tasks.c.created.desc(), tasks.c.id.desc()).limit(limit)
        if database is not None:
            query = query.where(tasks.c.database == database)
        return self._all(query)

    def active(self, database: str | None = None) -> Sequence[Task]:
        """Return the unfinished tasks of one database or of all, oldest first."""
        query = select(tasks).where(tasks.c.state.in_(UNENDED)).order_by(tasks.c.created)
        if database is not None:
            query = query.where(tasks.c.database == database)
        return self._all(query)

    def remove_ended_before(self, at: float) -> None:
        self._remove(tasks.c.finished < at)

    def remove_ended(self, task_id: TaskId) -> None:
        self._remove((tasks.c.id == task_id) & tasks.c.finished.is_not(None))

    def _remove(self, which: ColumnElement[bool]) -> None:
        with self._database.writing() as connection:
            connection.execute(delete(events).where(events.c.search_id.in_(select(tasks.c.id).where(which))))
            connection.execute(delete(tasks).where(which))


def _is_generation(database: str, name: str | ColumnElement[str]) -> ColumnElement[bool]:
    return and_(generations.c.database == database, generations.c.name == name)


def _is_used() -> Exists:
    """Return the condition that an unfinished search uses a generation."""
    return exists().where(
        searches.c.database == generations.c.database,
        searches.c.generation == generations.c.name,
        searches.c.state.in_(UNENDED),
    )


def _select() -> Select[Any]:
    return select(generations.c.facts, generations.c.path, generations.c.added)


def _catalogued(row: Row[Any]) -> CataloguedDatabase:
    return CataloguedDatabase(Generation.of(row.facts), row.path, row.added)
