"""Which of the parts that a service needs are away, looked at all the time, so that nothing has to wait to learn it."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass

from shardblast.core.errors import ShardblastError, StorageError, without_folders

CHECKED_EVERY_S = 5.0
SLOW_S = 5.0
"""A check that has run for this long counts as failed."""
ANSWER_WITHIN_S = 1.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outage:
    """A part that is away."""

    part: str
    problem: str
    since: float
    """Seconds since 1970."""

    def text(self, until: float | None = None) -> str:
        """Return what happened, as a sentence; ``until`` is when it ended."""
        if until is None:
            return f"The {self.part} is away: {self.problem}"
        return f"The {self.part} was away from {_clock(self.since)} to {_clock(until)} UTC: {self.problem}"


class Health:
    """Runs each check in a thread of its own, so that one that hangs keeps nothing else from being known."""

    def __init__(
        self, checks: Mapping[str, Callable[[], object]], notice: Callable[[Outage, float | None], object]
    ) -> None:
        """``notice`` is called when an outage begins, and with the time when it ended."""
        self._checks = checks
        self._notice = notice
        self._running: dict[str, tuple[float, Future[str | None]]] = {}
        self._away: dict[str, Outage] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        """Check periodically for the life of the service."""
        threading.Thread(target=self._watch, name="health", daemon=True).start()

    @property
    def parts(self) -> list[str]:
        return list(self._checks)

    @property
    def away(self) -> Mapping[str, Outage]:
        """The parts that are away, as far as the last checks know."""
        return dict(self._away)

    def look(self, within_s: float = ANSWER_WITHIN_S) -> Mapping[str, Outage]:
        """Check all parts, and return those that are away; a check that takes longer goes on, and its part stays."""
        with self._lock:
            for part in self._checks:
                if part not in self._running:
                    self._running[part] = time.monotonic(), self._started(part)
            asked = dict(self._running)
        wait([future for _, future in asked.values()], within_s)
        for part, (began, future) in asked.items():
            if future.done():
                self._note(part, future, future.result())
            elif time.monotonic() - began > SLOW_S:
                self._note(part, None, f"The {part} has not answered for {SLOW_S:.0f} s.")
        return self.away

    def check_storage(self) -> None:
        """Raise StorageError at once if the storage is away: a request would wait for minutes to learn it.

        The error says what a try would have said, so that an outage has the same words before and after it is noticed.
        """
        if "storage" in self._away and (outage := self.look().get("storage")) is not None:
            raise StorageError(outage.problem, remedy="Wait until it is back; searches that run go on then.")

    def _started(self, part: str) -> "Future[str | None]":
        future: Future[str | None] = Future()
        threading.Thread(target=lambda: future.set_result(_problem_of(self._checks[part])), daemon=True).start()
        return future

    def _note(self, part: str, ended: "Future[str | None] | None", problem: str | None) -> None:
        with self._lock:
            if ended is not None and self._running.get(part, (0.0, None))[1] is ended:
                del self._running[part]
            before, now = self._away.get(part), time.time()
            if problem is None:
                self._away.pop(part, None)
            else:
                self._away[part] = Outage(part, problem, before.since if before else now)
        if before is None and problem is not None:
            logger.warning("a part of the service is away", extra={"part": part, "problem": problem})
            self._notice(self._away.get(part, Outage(part, problem, now)), None)
        elif before is not None and problem is None:
            logger.warning(
                "a part of the service is back", extra={"part": part, "seconds": round(now - before.since, 1)}
            )
            self._notice(before, now)

    def _watch(self) -> None:
        while True:
            self.look(CHECKED_EVERY_S)
            time.sleep(CHECKED_EVERY_S)


def _problem_of(check: Callable[[], object]) -> str | None:
    try:
        check()
    except ShardblastError as error:
        return without_folders(error.problem)
    except Exception:  # a bug in a check must not end the checks
        logger.exception("a check failed")
        return "The check failed. The log has the details."
    return None


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(at))
