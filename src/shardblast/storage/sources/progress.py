"""How far a source has come in bringing a database, and whether it shall go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

from shardblast.core.errors import Interrupted

TELL_EVERY_S = 0.2
_Item = TypeVar("_Item")


class Progress:
    """Counts bytes, from any thread; asks and tells in the thread that made it, no more often than is of use."""

    def __init__(self, total_bytes: int, told: Callable[[int, int], None], stopped: Callable[[], bool]) -> None:
        self._total = total_bytes
        self._told = told
        self._stopped = stopped
        self._done = 0
        self._next = 0.0
        self._owner = threading.get_ident()
        self._lock = threading.Lock()
        self._halted = threading.Event()

    def add(self, count: int) -> None:
        """Count bytes that were brought; fewer than none are to be brought again.

        Raises:
            Interrupted: It shall not go on.
        """
        with self._lock:
            self._done += count
        if threading.get_ident() == self._owner and time.monotonic() >= self._next:
            self._next = time.monotonic() + TELL_EVERY_S
            self.tell()
            if self._stopped():
                self.halt()
        if self._halted.is_set():
            raise Interrupted

    def pause(self, seconds: float) -> None:
        """Wait, unless it shall not go on.

        Raises:
            Interrupted: It shall not go on.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._halted.wait(min(left, TELL_EVERY_S))
            self.add(0)

    @property
    def halted(self) -> bool:
        """Whether it shall not go on; may be asked in any thread."""
        return self._halted.is_set()

    def halt(self) -> None:
        """Have all threads stop."""
        self._halted.set()

    def tell(self) -> None:
        """Tell the count as it is now."""
        self._told(self._done, max(self._total, self._done))


def side_by_side(work: Callable[[_Item], object], items: Iterable[_Item], parallel: int, progress: Progress) -> None:
    """Work on items in threads; the first failure stops the others and is raised."""
    with ThreadPoolExecutor(parallel) as pool:
        waiting = {pool.submit(work, item) for item in items}
        try:
            while waiting:
                finished, waiting = wait(waiting, TELL_EVERY_S, FIRST_EXCEPTION)
                for one in finished:
                    one.result()
                progress.add(0)
        except BaseException:
            progress.halt()
            pool.shutdown(cancel_futures=True)
            raise
