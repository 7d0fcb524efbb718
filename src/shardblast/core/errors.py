"""Every error that shardblast raises on purpose.

ShardblastError
├── InputError           the user can fix it              BLAST+ exit status 1
│   └── UsageError       an option of shardblast is wrong
├── DatabaseError        the operator can fix it          BLAST+ exit status 2
│   ├── DatabaseChanged  its files were replaced
│   └── SourceChanged    its source changed during the copy
├── EngineError          BLAST+ or its host failed        BLAST+ exit status 3
│   ├── ArchiveError     the output of BLAST+ is damaged
│   ├── NodesDied        the nodes that ran it died
│   ├── NoRoomError      no node can hold the database
│   ├── OutOfMemory      more, smaller shards may help    BLAST+ exit status 4
│   └── UnknownFailure   BLAST+ does not say why          BLAST+ exit status 255
│       └── EndedBySignal
├── NetworkError         try again                        BLAST+ exit status 5
├── OutputError          the result can't be written      BLAST+ exit status 6
├── StoreError           the service's database fails     6
├── StorageError         files or objects can't be stored 6
│   ├── DiskFull         no space is left
│   └── DamagedError     the stored bytes have changed
├── NotFoundError        no such object                   1
├── ConflictError        the state forbids the request    1
├── RefusedError         the search has problems          1
├── WaitError            a resource did not appear        1
├── NotAllowedError      the caller lacks permission      1
├── TooLargeError        the service's limit is exceeded  1
├── UnauthorizedError    the caller is unknown            1
├── DifferentError       --verify found other hits        7
└── Interrupted          the user stopped it              130, the status of a shell after Ctrl-C

Source:
    NCBI C++ Toolkit, app/blast/blast_app_util.hpp (BLAST_INPUT_ERROR and following).
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from shardblast.core.lack import lasting

if TYPE_CHECKING:
    from shardblast.core.lack import Lack

TRIED_FOR_S = 900.0
"""Seconds for which work is retried if its failures may pass. An outage of ten minutes ends no search."""
ATTEMPTS = 3
"""Most attempts at work whose failures do not pass but may be due to a node, and fewest at other repeated work."""
SHORTEST_PAUSE_S, LONGEST_PAUSE_S, DOUBLINGS = 0.25, 30.0, 7

_FOLDERS = re.compile(r"(?<![\w.:/])/(?:[^\s/'\"\[\]:;,]+/)+")
"""The folders of an absolute path; web addresses do not match."""
_ON_NODE = re.compile(r" It was on node \S+\.(?= |$)")


class ShardblastError(Exception):
    """A message that says what went wrong and what to do about it."""

    code: ClassVar[str] = "internal"
    """A stable name; part of the API."""
    retry_elsewhere: bool = False
    """Whether the same work may succeed on another node: the machine, not the search, may be the cause."""
    passes: bool = False
    """Whether it may also succeed on the same node later: the cause is one that ends, such as an outage."""
    exit_status: ClassVar[int] = 255
    node: str | None = None
    """The node of a cluster on which it happened."""
    allowed_with: str = ""
    """Name of the parameter that allows the request nevertheless; each interface says how its users give it."""

    def __init_subclass__(cls, **attributes: str | int | bool) -> None:
        """Set the attributes that a class names beside its base; it inherits the others."""
        for name, value in attributes.items():
            setattr(cls, name, value)

    def __init__(self, problem: str, *, remedy: str) -> None:
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}"

    def happened_on(self, node: str) -> None:
        """Add the name of the node to the problem, unless it names a node already."""
        if self.node is None:
            self.node = node
            self.problem = f"{self.problem} It was on node {node}."

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the fields; by default the constructor would be called with the positional arguments alone."""
        return _blank, (type(self),), self.__dict__.copy()


def without_folders(text: str) -> str:
    """Return a message with directories removed from its paths; only the operator may see them."""
    return _FOLDERS.sub("", text)


def without_node(text: str) -> str:
    """Return a problem without the name of the node that ``happened_on`` added."""
    return _ON_NODE.sub("", text)


def _blank(kind: type[ShardblastError]) -> ShardblastError:
    return kind.__new__(kind)


class InputError(ShardblastError, code="input", exit_status=1):
    """Invalid options or queries, reported as BLAST+ does."""


class UsageError(InputError, code="usage"):
    """One of shardblast's own, double-dash options is wrong."""


class DatabaseError(ShardblastError, code="database", exit_status=2, retry_elsewhere=True):
    """The database is missing, damaged or of the wrong molecule."""


class DatabaseChanged(DatabaseError, code="database-changed"):
    """The files of a database that is searched in place have changed since it was added."""

    def __init__(self, database: str) -> None:
        super().__init__(
            f"The files of the database {database!r} have changed since it was added.",
            remedy=f"Run 'shardblast db update {database}', then submit the search again.",
        )


class SourceChanged(DatabaseError, code="source-changed"):
    """A database's source no longer has the files that it offered."""

    def __init__(self, file: str, how: str) -> None:
        super().__init__(
            f"{file} has changed at its source since the database was offered: {how}.",
            remedy="Add or update the database again.",
        )


class EngineError(ShardblastError, code="engine", exit_status=3):
    """BLAST+ or the machine it ran on failed.

    Not retried: BLAST+ also exits with 3 for options that it does not support, such as some gap costs.
    """


class ArchiveError(EngineError, code="archive"):
    """An archive (``-outfmt 11``) can't be read."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            problem,
            remedy="Run the search again; if it fails again, check that the disk is not full, or use '--shards off'.",
        )


class OutOfMemory(EngineError, code="out-of-memory", exit_status=4, retry_elsewhere=True, passes=True):
    """BLAST+ could not allocate memory, or was killed for using too much."""


class NodesDied(EngineError, retry_elsewhere=True, passes=True):
    """Each node that ran a certain piece of a search died."""

    def __init__(self) -> None:
        super().__init__(
            "Each node that ran a certain piece of the search died.",
            remedy="Check the logs of the nodes. Most likely they lack memory for it.",
        )


class NoRoomError(EngineError, code="no-room"):
    """A search needs the whole database on one node of a cluster, but no node has room for it."""


class UnknownFailure(EngineError, code="unknown", exit_status=255, retry_elsewhere=True):
    """BLAST+ ended in a way that its exit status does not explain, for example by a signal."""


class EndedBySignal(UnknownFailure):
    """BLAST+ was ended by a signal."""


class NetworkError(ShardblastError, code="network", exit_status=5, retry_elsewhere=True, passes=True):
    """A remote service could not be reached."""


class OutputError(ShardblastError, code="output", exit_status=6, retry_elsewhere=True):
    """The result can't be written."""


class StoreError(ShardblastError, code="store", exit_status=6, retry_elsewhere=True, passes=True):
    """The service's own database can't be reached or written."""


class StorageError(ShardblastError, code="storage", exit_status=6, retry_elsewhere=True, passes=True):
    """A file or an object can't be stored or read."""


class DiskFull(StorageError, code="disk-full"):
    """No space is left for files of the service or of BLAST+."""

    def __init__(
        self,
        problem: str = "There is no space left on the disk.",
        *,
        remedy: str = "Free some space (delete old searches, for example), then try again.",
    ) -> None:
        super().__init__(problem, remedy=remedy)


class DamagedError(StorageError, code="damaged", passes=False):
    """A file or an object is truncated, has other bytes than were stored, or changed while it was read."""

    def __init__(self, what: str, how: str) -> None:
        super().__init__(
            f"{what} is damaged: {how}.",
            remedy="Fetch it again. If it is still damaged, store it again from its source.",
        )
        self.what = what


@dataclass(slots=True)
class Attempts:
    """The failed attempts at one piece of work, which decide whether it is retried."""

    limit_s: float = TRIED_FOR_S
    """Seconds from the first failure for which work is retried if its failures may pass."""
    failures: int = 0
    since: float = 0.0
    """Monotonic time of the first failure."""

    def may_follow(self, error: ShardblastError, at: float) -> bool:
        """Note a failure at a monotonic time; return whether to retry. If not, the error says what was tried."""
        self.since = self.since if self.failures else at
        self.failures += 1
        is_early = self.failures < ATTEMPTS or (error.passes and at - self.since < self.limit_s)
        if not (error.retry_elsewhere and is_early) and self.failures > 1:
            error.retry_elsewhere = error.passes = False  # other handlers of the error must not retry either
            error.problem += f" It was tried {self.failures} times within {lasting(at - self.since)}."
        return error.retry_elsewhere and is_early


def pause_s(attempts: int) -> float:
    """Return the seconds to wait after this number of attempts."""
    return min(SHORTEST_PAUSE_S * 2.0 ** min(attempts - 1, DOUBLINGS), LONGEST_PAUSE_S)


def file_error(error: OSError) -> StorageError:
    """Translate an error of the operating system about a file."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull()
    reason = (error.strerror or type(error).__name__).lower()
    return StorageError(f"A file can't be read or written: {reason}.", remedy="Check the disk and who owns the files.")


@contextmanager
def file_errors() -> Iterator[None]:
    """Translate errors of the operating system about files."""
    try:
        yield
    except OSError as error:
        raise file_error(error) from error


class NotFoundError(ShardblastError, code="not-found", exit_status=1):
    """The search, database or token does not exist, or the caller may not see it."""


class ConflictError(ShardblastError, code="conflict", exit_status=1):
    """The state of an object does not allow the request."""

    def __init__(self, problem: str, *, remedy: str, allowed_with: str = "") -> None:
        super().__init__(problem, remedy=remedy)
        self.allowed_with = allowed_with


class RefusedError(ShardblastError, code="refused", exit_status=1):
    """A search can't run as requested; ``problems`` holds every reason."""

    def __init__(self, problems: Sequence[Any]) -> None:
        first = problems[0]
        more = f" Further problems: {len(problems) - 1}." if len(problems) > 1 else ""
        super().__init__(f"{first.detail}{more}", remedy=first.remedy)
        self.problems = problems


class WaitError(ShardblastError, code="waited", exit_status=1):
    """A search waited in vain for the resource that ``lack`` names."""

    def __init__(self, lack: Lack, lasted: str) -> None:
        super().__init__(f"The search waited {lasted} for {lack.phrase.rstrip('.')}.", remedy=lack.remedy)
        self.lack = lack


class NotAllowedError(ShardblastError, code="not-allowed", exit_status=1):
    """The caller is known but may not do this."""


class TooLargeError(ShardblastError, code="too-large", exit_status=1):
    """More letters, queries or bytes than the service accepts."""


class UnauthorizedError(ShardblastError, code="unauthorized", exit_status=1):
    """The service does not know the caller, or the caller's session has ended."""


class DifferentError(ShardblastError, code="different", exit_status=7):
    """With --verify: the output is complete, but a query has other hits without shards."""


class Interrupted(ShardblastError, code="interrupted", exit_status=130):
    """The search was stopped from outside."""

    def __init__(
        self, problem: str = "The search was stopped.", *, remedy: str = "Start it again to get its result."
    ) -> None:
        super().__init__(problem, remedy=remedy)


_BY_EXIT_STATUS: dict[int, type[ShardblastError]] = {
    kind.exit_status: kind for kind in (InputError, DatabaseError, EngineError, OutOfMemory, NetworkError, OutputError)
}


def error_for_exit_status(status: int) -> type[ShardblastError]:
    """Return the error for a non-zero exit status of a BLAST+ program; a negative one is a signal."""
    return _BY_EXIT_STATUS.get(status, UnknownFailure)


def reported(code: str, problem: str, remedy: str) -> ShardblastError:
    """Return the error that a service reported, by its code; a refused search is an ``InputError``."""
    kinds: list[type[ShardblastError]] = [ShardblastError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    kind = next((kind for kind in kinds if kind.code == code and kind is not RefusedError), InputError)
    error = _blank(kind)
    error.problem, error.remedy = problem, remedy
    return error


class LeftToBlast(Exception):
    """Only BLAST+ itself can run the search, for the reason in the text. Users never see it as an error."""
