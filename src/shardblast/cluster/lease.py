"""A command's sign of life in the storage, so that what a killed one leaves there is removed by a later one.

The storage's own clock tells how old a sign is: it is compared with the sign that a command has just given itself. A
command knows by its own clock for how long it gave none, and stops its search then.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from shardblast.cluster.timings import Timings
from shardblast.core.errors import EngineError, ShardblastError
from shardblast.storage.layout import search_key
from shardblast.storage.objects import Objects

LEASES = "leases"
CLEAN_WITHIN_S = 5.0
"""A command that is at its end waits so long for what it removes of others; what is left then, a later one removes."""

log = logging.getLogger(__name__)


class Lease:
    """That of one command, as long as the context lasts; then nothing is left of its search."""

    def __init__(
        self,
        objects: Objects,
        search_id: str,
        forget: Callable[[str], None],
        stop: Callable[[], None],
        timings: Timings,
    ) -> None:
        """Prepare.

        Args:
            objects: Where the search is.
            search_id: Its name.
            forget: Ends on the nodes what is left of a search whose command is gone.
            stop: Stops this command's own search.
            timings: Says how often signs are given, and after how long without one a command is dead.
        """
        self._objects = objects
        self._search_id = search_id
        self._forget = forget
        self._stop = stop
        self._timings = timings
        self._ended = threading.Event()
        self._lost = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="lease", daemon=True)
        self._cleaner = threading.Thread(target=self._remove_left, name="cleaner", daemon=True)

    def __enter__(self) -> Self:
        self._renew()
        self._keeper.start()
        self._cleaner.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleaner.join(CLEAN_WITHIN_S)
        self._ended.set()
        self._keeper.join()
        try:
            self._remove(self._search_id)
        except ShardblastError:  # a later command does it
            log.warning("what the search left can't be removed", exc_info=True)

    def check(self) -> None:
        """Refuse to go on with what others may have removed.

        Raises:
            EngineError: No sign of life was given for too long.
        """
        if self._lost.is_set() or self._is_late():
            raise EngineError(
                "The command could not write to the storage for so long that its search counts as given up.",
                remedy="Run it again.",
            )

    def _keep(self) -> None:
        while not self._ended.wait(self._timings.lease_renew_s):
            if self._is_late():  # before a new sign hides it
                self._lost.set()
                self._stop()
                return
            try:
                self._renew()
            except ShardblastError:
                log.warning("the storage can't be written to", exc_info=True)

    def _is_late(self) -> bool:
        return time.time() - self._renewed > self._timings.lease_lost_s

    def _renew(self) -> None:
        begun = time.time()
        self._objects.put(_key(self._search_id), b"lives")
        self._renewed = begun

    def _remove_left(self) -> None:
        """Remove the searches of commands that are gone."""
        try:
            signs = self._objects.changed(LEASES)
            now = signs.get(_key(self._search_id), 0.0)  # the latest of all may be of a clock that is ahead
            for search_id in [key.split("/")[1] for key, at in signs.items() if now - at > self._timings.lease_left_s]:
                if self._ended.is_set():
                    return
                log.info("what a killed command left is removed", extra={"search_id": search_id})
                self._forget(search_id)
                self._remove(search_id)
        except ShardblastError:
            log.warning("what killed commands left can't be removed", exc_info=True)

    def _remove(self, search_id: str) -> None:
        self._objects.delete(search_key(search_id))
        self._objects.delete(f"{LEASES}/{search_id}")


def _key(search_id: str) -> str:
    return f"{LEASES}/{search_id}/sign"
