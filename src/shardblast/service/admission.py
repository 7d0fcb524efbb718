"""Admission: the one place that decides which searches run."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from shardblast.core.errors import NotFoundError, ShardblastError, WaitError
from shardblast.core.lack import Lack, lacked, lasting
from shardblast.core.search import Failure, Search, Standing, State, admitted, lacks, moved, places_for
from shardblast.service.backends import Searching
from shardblast.service.catalogue import Catalogue
from shardblast.service.events import SearchChanged, ServiceEvent
from shardblast.service.queue import DurableQueue
from shardblast.service.settings import Settings
from shardblast.store.searches import Change, SearchStore, Workload

CHECKED_EVERY_S = 1.0
"""Interval of checks for missing resources and for changes by other servers. This server's are handled at once."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Admission:
    """Starts searches when their turn comes.

    It reads its state from the database and the nodes each time. It therefore survives any crash, and several servers
    on one database decide alike, one after the other.
    """

    store: SearchStore
    workload: Workload
    catalogue: Catalogue
    searching: Searching
    queue: DurableQueue
    released: Callable[[str, str], object]
    """Called with each generation of a database that a search no longer needs."""
    settings: Settings
    _changed: threading.Event = field(default_factory=threading.Event, init=False)
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)

    def start(self) -> None:
        """Decide periodically for the life of the service."""
        threading.Thread(target=self._watch, name="admission", daemon=True).start()

    def close(self) -> None:
        """Start no more searches."""
        self._stopping.set()
        self._changed.set()

    def notice(self, event: ServiceEvent) -> None:
        """Decide again when a search was added or gave up its place."""
        match event:
            case SearchChanged(before, after, _) if before is None or (before.state, before.lack) != (
                after.state,
                after.lack,
            ):
                self._changed.set()

    def _watch(self) -> None:
        failing = False
        while not self._stopping.is_set():
            self._changed.clear()
            try:
                self.look()
                failing = False
            except Exception as error:  # after any error the next attempt may succeed
                if not failing:
                    is_bug = not isinstance(error, ShardblastError)
                    logger.warning("searches can't start now: %s", error, exc_info=is_bug)
                failing = True
            self._changed.wait(CHECKED_EVERY_S)

    def look(self) -> None:
        """Start the searches whose turn it is, and record what the others lack."""
        with self.workload.alone():
            standings, now = self.workload.standings(), time.time()
            running = [standing for standing in standings if standing.has_place]
            for standing in running:
                if standing.state is State.CANCELLING and not self.queue.runs_here(standing):
                    self.queue.begin(standing)  # if the server died that cancelled it when it was queued
            ready = list(self._ready([standing for standing in standings if not standing.has_place], now))
            places, places_of_owner, counted = self._places(running)
            started = admitted(ready, counted, places, places_of_owner, now)
            for standing in started:
                if self._stopping.is_set():
                    return
                self._begin(standing)
            for standing in ready:
                if standing.lack is not None and standing not in started:
                    self._change(standing, lambda search: lacks(search, None, now))

    def _places(self, running: Sequence[Standing]) -> tuple[int, int, Sequence[Standing]]:
        """Return the places, those for one owner while others wait, and who has them; local servers have their own."""
        places = self.settings.running or places_for(self.searching.cores)
        if not self.settings.running and self.searching.leaves_results_here:
            running = [standing for standing in running if self.queue.runs_here(standing)]
        return places, self.settings.running_of_owner or max(places // 2, 1), running

    def _ready(self, queued: Sequence[Standing], now: float) -> Iterator[Standing]:
        """Yield the searches that lack nothing but their turn; record what the others lack."""
        known: dict[tuple[object, ...], Lack | None] = {}
        for standing in queued:
            volumes = standing.lack.volumes if standing.lack is not None else ()
            key = (standing.database, standing.generation, volumes)
            if key not in known:
                known[key] = self._lack(standing)
            lack = known[key]
            if lack is None:
                yield standing
            elif lacked(standing.lacked_s, standing.lacks_since, now) >= self.settings.waiting_s:
                self._fail(standing, lack, now)
            elif lack != standing.lack:
                self._change(standing, partial(lacks, lack=lack, at=now))

    def _lack(self, standing: Standing) -> Lack | None:
        try:
            generation = self.catalogue.get(standing.database, standing.generation).facts
        except NotFoundError:
            return None  # the search reports this when it runs
        return self.searching.lack(generation, standing.lack)

    def _begin(self, standing: Standing) -> None:
        try:
            self.queue.begin(standing)  # first, so that it runs even if this process crashes before the next line
        except Exception:  # an error of one search must not block the others
            logger.exception("a search can't start now", extra={"search_id": standing.id})
            return
        self._change(standing, lambda search: moved(search, State.RUNNING, time.time()))

    def _fail(self, standing: Standing, lack: Lack, now: float) -> None:
        error = WaitError(lack, lasting(lacked(standing.lacked_s, standing.lacks_since, now)))
        failure = Failure(error.code, error.problem, error.remedy)
        self._change(standing, lambda search: moved(search, State.FAILED, now, failure=failure))
        self.released(standing.database, standing.generation)

    def _change(self, standing: Standing, change: Change) -> None:
        """Change a search if it is still queued in the same stint."""

        def checked(search: Search) -> Search:
            return change(search) if search.state is State.QUEUED and search.stint == standing.stint else search

        with suppress(NotFoundError):  # it was cancelled and deleted
            self.store.change(standing.id, checked)
