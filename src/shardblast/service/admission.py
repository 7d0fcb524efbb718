"""Admission: decides in one place which searches run, from what runs, what waits, and what there is to run it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol

from shardblast.core.errors import NotFoundError, ShardblastError, WaitError
from shardblast.core.search import Failure, Search, SearchId, Standing, State, admitted, lacks, moved, places_for
from shardblast.core.waiting import Lack, lacked, lasting
from shardblast.service.backends import Searching
from shardblast.service.catalogue import Catalogue
from shardblast.service.events import Observer
from shardblast.service.settings import Settings
from shardblast.store.searches import Change, SearchStore
from shardblast.store.workload import Workload

LOOKED_EVERY_S = 1.0
"""Whether what searches lack has come, and what other servers did; what happens here is seen to at once."""

logger = logging.getLogger(__name__)


class Stints(Protocol):
    """Runs searches, whatever happens to this process."""

    def begin(self, standing: Standing) -> None:
        """Run a stint of a search from now on; does nothing if that has begun already, on any server."""
        ...

    def runs_here(self, search_id: SearchId) -> bool:
        """Tell whether this server runs a search."""
        ...


class Admission(Observer):
    """Lets searches begin.

    What it knows is read from the database and from the nodes each time, so it goes on after any crash, and several
    servers on one database decide alike, one after the other.
    """

    def __init__(
        self,
        store: SearchStore,
        workload: Workload,
        catalogue: Catalogue,
        searching: Searching,
        stints: Stints,
        released: Callable[[str, str], object],
        settings: Settings,
    ) -> None:
        """Wire it.

        Args:
            store: Of the searches.
            workload: Tells what waits and runs.
            catalogue: Of their databases.
            searching: Tells what a search lacks now.
            stints: Runs them.
            released: Is told of each generation of a database that a search needs no more.
            settings: How many searches run at once, and how long one may wait.
        """
        self._store = store
        self._workload = workload
        self._catalogue = catalogue
        self._searching = searching
        self._stints = stints
        self._released = released
        self._settings = settings
        self._changed = threading.Event()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Decide as long as the service lives."""
        threading.Thread(target=self._watch, name="admission", daemon=True).start()

    def close(self) -> None:
        """Let nothing begin any more."""
        self._stopping.set()
        self._changed.set()

    def search_changed(self, before: Search | None, after: Search) -> None:
        """Look again when a search came, or gave back its place."""
        if before is None or (before.state, before.lack) != (after.state, after.lack):
            self._changed.set()

    def _watch(self) -> None:
        failing = False
        while not self._stopping.is_set():
            self._changed.clear()
            try:
                self.look()
                failing = False
            except Exception as error:  # whatever it is, searches must not wait for the next start
                if not failing:
                    logger.warning(
                        "searches can't begin now: %s", error, exc_info=not isinstance(error, ShardblastError)
                    )
                failing = True
            self._changed.wait(LOOKED_EVERY_S)

    def look(self) -> None:
        """Let those begin whose turn it is, and note what keeps the others.

        Raises:
            StoreError: The database can't be reached.
        """
        with self._workload.alone():
            standings, now = self._workload.standings(), time.time()
            running = [one for one in standings if one.has_place]
            possible = list(self._possible([one for one in standings if not one.has_place], now))
            places, of_owner, counted = self._places(running)
            begun = admitted(possible, counted, places, of_owner, now)
            for one in begun:
                if self._stopping.is_set():
                    return
                self._begin(one)
            for one in possible:
                if one.lack is not None and one not in begun:
                    self._change(one, lambda search: lacks(search, None, now))

    def _places(self, running: Sequence[Standing]) -> tuple[int, int, Sequence[Standing]]:
        """Return how many places there are, how many an owner has while others wait, and what has such a place.

        Where nothing else is set, each server that searches on its own machine has places of its own.
        """
        places = self._settings.running or places_for(self._searching.cores)
        if not self._settings.running and self._searching.leaves_results_here:
            running = [one for one in running if self._stints.runs_here(one.id)]
        return places, self._settings.running_of_owner or max(places // 2, 1), running

    def _possible(self, queued: Sequence[Standing], now: float) -> Iterator[Standing]:
        """Yield the searches that lack nothing but their turn; note of the others what they lack."""
        known: dict[tuple[object, ...], Lack | None] = {}
        for one in queued:
            volumes = one.lack.volumes if one.lack is not None else ()
            key = (one.database, one.generation, volumes)
            if key not in known:
                known[key] = self._lack(one)
            lack = known[key]
            if lack is None:
                yield one
            elif lacked(one.lacked_s, one.lacks_since, now) >= self._settings.waiting_s:
                self._fail(one, lack, now)
            elif lack != one.lack:
                self._change(one, partial(lacks, lack=lack, at=now))

    def _lack(self, one: Standing) -> Lack | None:
        try:
            generation = self._catalogue.get(one.database, one.generation).facts
        except NotFoundError:
            return None  # it fails in its turn, and says so
        return self._searching.lack(generation, one.lack)

    def _begin(self, one: Standing) -> None:
        try:
            self._stints.begin(one)  # first: should we crash before the next line, it goes on all the same
        except Exception:  # whatever it is, others must not wait for it
            logger.exception("a search can't begin now", extra={"search_id": one.id})
            return
        self._change(one, lambda search: moved(search, State.RUNNING, time.time()))

    def _fail(self, one: Standing, lack: Lack, now: float) -> None:
        error = WaitError(lack, lasting(lacked(one.lacked_s, one.lacks_since, now)))
        failure = Failure(error.code, error.problem, error.remedy)
        self._change(one, lambda search: moved(search, State.FAILED, now, failure=failure))
        self._released(one.database, one.generation)

    def _change(self, one: Standing, change: Change) -> None:
        """Change a search if it is still queued as it was."""

        def checked(search: Search) -> Search:
            return change(search) if search.state is State.QUEUED and search.stint == one.stint else search

        with suppress(NotFoundError):  # it was cancelled and deleted
            self._store.change(one.id, checked)
