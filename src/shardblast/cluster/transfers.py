"""Bytes on their way, to the disk or into memory: each moves once, and all who wait see how it goes and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from shardblast.core.errors import Interrupted

_LOOK_AGAIN_S = 0.1
"""How often progress is told."""


@dataclass(eq=False)
class Transfer:
    """One of them, and how many wait for it."""

    done_bytes: int = 0
    waiting: int = 0
    ended: Future[None] = field(default_factory=Future)

    def told(self, size_bytes: int) -> None:
        """Count bytes that have come."""
        self.done_bytes += size_bytes

    def stopped(self) -> bool:
        """Tell whether nobody waits for it any more."""
        return self.waiting == 0


class Transfers:
    """Those that run in this process, a few at once."""

    def __init__(self, parallel: int) -> None:
        self._pool = ThreadPoolExecutor(parallel, thread_name_prefix="transfer")
        self._lock = threading.Lock()
        self._running: dict[Path, Transfer] = {}

    @contextmanager
    def joined(self, works: Mapping[Path, Callable[[Transfer], None]]) -> Iterator[Sequence[Transfer]]:
        """Wait for transfers, and start those that do not run; one that nobody waits for any more stops.

        Args:
            works: What does each, by what tells it from others; it also runs, so that it can tidy up, when
                nobody waits any more.
        """
        transfers = {key: self._join(key, work) for key, work in works.items()}
        try:
            yield list(transfers.values())
        finally:
            for key, transfer in transfers.items():
                self._leave(key, transfer)
            wait([transfer.ended for transfer in transfers.values() if transfer.stopped()])

    def close(self) -> None:
        """End the threads, after the transfers that somebody waits for."""
        self._pool.shutdown()

    def _join(self, key: Path, work: Callable[[Transfer], None]) -> Transfer:
        with self._lock:
            transfer = self._running.setdefault(key, Transfer())
            transfer.waiting += 1
            if transfer.waiting == 1:
                self._pool.submit(self._run, key, transfer, work)
            return transfer

    def _leave(self, key: Path, transfer: Transfer) -> None:
        with self._lock:
            transfer.waiting -= 1
            if transfer.waiting == 0:
                self._forget(key, transfer)

    def _run(self, key: Path, transfer: Transfer, work: Callable[[Transfer], None]) -> None:
        try:
            work(transfer)
        except BaseException as error:
            self._end(key, transfer)
            transfer.ended.set_exception(error)
        else:
            self._end(key, transfer)
            transfer.ended.set_result(None)

    def _end(self, key: Path, transfer: Transfer) -> None:
        with self._lock:
            self._forget(key, transfer)

    def _forget(self, key: Path, transfer: Transfer) -> None:
        if self._running.get(key) is transfer:
            del self._running[key]


def wait_for(transfers: Sequence[Transfer], told: Callable[[int], None], stopped: Callable[[], bool]) -> None:
    """Return when all have ended.

    Args:
        transfers: Which.
        told: Is told, in this thread, how many more bytes have come.
        stopped: Is asked again and again.

    Raises:
        Interrupted: It was stopped.
        ShardblastError: One of them failed.
    """
    pending = {transfer.ended for transfer in transfers}
    counted = 0
    while pending:
        finished, pending = wait(pending, _LOOK_AGAIN_S, FIRST_COMPLETED)
        done = sum(transfer.done_bytes for transfer in transfers)
        if done > counted:  # less, when one began anew
            told(done - counted)
            counted = done
        for ended in finished:
            ended.result()
        if pending and stopped():
            raise Interrupted
