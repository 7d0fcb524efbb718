"""Warming: how much of a database is on the machines that search, and reading the rest of it into memory."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shardblast.core.database import CataloguedDatabase
from shardblast.core.errors import DatabaseError, without_folders
from shardblast.core.events import Notify, PhaseBegun, PhaseCounted
from shardblast.core.node import Presence, summed
from shardblast.core.search import Phase
from shardblast.disk.memory import resident_bytes, warm
from shardblast.service.catalogue import Catalogue
from shardblast.service.tasks import Meter


class Warming(Protocol):
    """The machines that search, as far as their disks and memory are concerned."""

    def presence(self, database: CataloguedDatabase) -> Presence:
        """Return how much of a database is there now."""

    def warm(self, database: CataloguedDatabase, notify: Notify, stopped: Callable[[], bool]) -> str:
        """Stage a database and read it into memory; return the outcome for users.

        Raises ShardblastError if not all of it is in memory then.
        """


@dataclass(frozen=True, slots=True)
class LocalWarming:
    """Warms databases on this machine, which searches alone."""

    catalogue: Catalogue

    def presence(self, database: CataloguedDatabase) -> Presence:
        try:
            files = self.catalogue.mapped_files(database)
            missing = self.catalogue.missing_bytes(database.name, database.generation)
        except DatabaseError as error:
            return Presence(0, None, database.facts.mapped_bytes, without_folders(error.problem))
        resident = summed(resident_bytes(files)) if files else 0
        return Presence(database.facts.size_bytes - missing, resident, database.facts.mapped_bytes, None)

    def warm(self, database: CataloguedDatabase, notify: Notify, stopped: Callable[[], bool]) -> str:
        started = time.monotonic()
        notify(PhaseBegun(Phase.STAGING, 0 if database.path else database.facts.size_bytes))
        meter = Meter(lambda done: notify(PhaseCounted(Phase.STAGING, done)))
        with self.catalogue.opened(database.name, database.generation, meter, stopped) as opened:
            meter.close()
            files, before = opened.mapped_files, summed(resident_bytes(opened.mapped_files)) or 0
            notify(PhaseBegun(Phase.WARMING, opened.size_bytes))
            meter = Meter(lambda done: notify(PhaseCounted(Phase.WARMING, done)))
            warmed = warm(files, meter, stopped)
            meter.close()
        seconds = time.monotonic() - started
        if warmed.resident_bytes is None:
            read = f"{warmed.total_bytes:,} bytes were read in {seconds:.2f} s."
            return f"{read} The kernel does not report how many stay."
        resident = f"{warmed.resident_bytes:,} of {warmed.total_bytes:,} bytes are in memory ({before:,} before)"
        return f"{resident}, read in {seconds:.2f} s."
