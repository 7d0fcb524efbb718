"""A driver's connection to the cluster: its nodes, its certificates, and how long it waits.

Whoever reaches a Dask port can run any program there, so certificates are what says who may.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from distributed import Client, Security, Worker, get_worker
from distributed.comm.core import CommClosedError

from shardblast.cluster.messages import RunId
from shardblast.core.errors import NetworkError, UsageError
from shardblast.core.node import Member, NodeState
from shardblast.core.waiting import Lack

FACTS = "shardblast"
"""The name of our plugin, and of what nodes report with each sign of life."""
CONNECT_WITHIN_S = 5
FRESH_S = 0.25
"""Younger knowledge of the nodes is not asked for again."""
FRESH_TIMES, FRESH_MOST_S = 20, 2.0
"""Nor what is younger than so many times what asking took, as with very many nodes, up to the second figure."""
END_WITHIN_S = 6.0
KEPT_S = 24 * 3600.0
"""A node that is gone is listed so long."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Address:
    """A node that is connected, and how Dask calls it."""

    worker: str
    member: Member
    staging: dict[str, int] = field(default_factory=dict)
    """Bytes that stagings have brought, by what their drivers call them."""
    doing: dict[str, float] = field(default_factory=dict)
    """Of each task that has one of its cores: the seconds since it began, by its key."""
    waiting: dict[str, Lack] = field(default_factory=dict)
    """What merges on it wait for, by their runs."""

    @property
    def name(self) -> str:
        """The node's, which survives restarts."""
        return self.member.state.name

    @property
    def takes_work(self) -> bool:
        """Whether tasks may be sent to it; if not, it only ends what it does."""
        return not self.member.is_draining


class Cluster:
    """Used by any thread."""

    def __init__(self, connect: Callable[[], Client], timings: Timings) -> None:
        self.timings = timings
        self._connect = connect
        self._client: Client | None = None
        self._known: tuple[float, list[Address]] = (0.0, [])
        self._fresh_s = FRESH_S
        self._seen: dict[str, Member] = {}
        self._lock = threading.RLock()
        self._asker = ThreadPoolExecutor(4, thread_name_prefix="end")

    @classmethod
    def at(cls, address: str, certificates: Certificates | None, timings: Timings) -> Cluster:
        """Return the cluster of a scheduler, which need not run yet."""
        security = certificates.security() if certificates else None

        def connect() -> Client:
            return Client(address, security=security, timeout=CONNECT_WITHIN_S, set_as_default=False, name="shardblast")

        return cls(connect, timings)

    @property
    def client(self) -> Client:
        """The connection; made again when it was lost for long.

        Raises:
            NetworkError: The scheduler can't be reached now.
        """
        with self._lock:
            if self._client is None or self._client.status in ("closed", "closing"):
                try:
                    self._client = self._connect()
                except (OSError, TimeoutError, CommClosedError) as error:
                    raise _unreachable() from error
            if self._client.status != "running":
                raise _unreachable()
            return self._client

    def addresses(self, *, now: bool = False) -> list[Address]:
        """Return the nodes that are connected.

        Args:
            now: Ask, however young the knowledge is: a search that is refused would not have been by a new node.

        Raises:
            NetworkError: The scheduler can't be reached now.
        """
        with self._lock:
            asked, known = self._known
            started = time.monotonic()
            if started - asked < self._fresh_s and not now:
                return known
            workers = self._workers()
            found = [_address(worker, told) for worker, told in workers.items() if _has_reported(told)]
            ended = time.monotonic()
            self._known = (ended, found)
            self._fresh_s = max(FRESH_S, min(FRESH_TIMES * (ended - started), FRESH_MOST_S))
            self._seen |= {one.name: one.member for one in found}
            return found

    def _workers(self) -> dict[str, dict[str, Any]]:
        """Ask the scheduler what it knows of its workers, by address.

        ``Client.scheduler_info`` is no way to do so: it returns what the client keeps, which the client itself replaces
        every two seconds by an answer without workers, so that now and then all nodes seem to be gone.
        """
        client = self.client
        if (scheduler := client.scheduler) is None:  # it was closed just now
            raise _unreachable()
        try:
            told: dict[str, dict[str, dict[str, Any]]] = client.sync(scheduler.identity)
        except (OSError, TimeoutError, CommClosedError) as error:
            raise _unreachable() from error
        return told["workers"]

    def members(self) -> list[Member]:
        """Return the nodes that are connected and those that were, by name.

        While the scheduler does not answer, what it said last stands, for as long as it would miss no node either.
        """
        with suppress(NetworkError):
            self.addresses()
        with self._lock:
            asked, known = self._known
            young = {name: one for name, one in self._seen.items() if time.time() - one.last_seen < KEPT_S}
        there = {one.name: one.member for one in known if time.monotonic() - asked < self.timings.silent_s}
        gone = {name: Member(one.state, False, one.last_seen, 0) for name, one in young.items() if name not in there}
        return [one for _, one in sorted((gone | there).items())]

    def queued(self, there: Sequence[Address]) -> frozenset[str]:
        """Return the keys of tasks that nodes were sent and have not begun, as far as that can be told now."""
        try:
            sent = self.client.processing([one.worker for one in there])
        except (NetworkError, OSError, TimeoutError, CommClosedError, KeyError):  # the last: one has left since
            return frozenset()
        begun = {key for one in there for key in one.doing}
        return frozenset(str(key) for keys in sent.values() for key in keys) - begun

    def end(self, run: RunId, *, wait: bool) -> None:
        """Have all nodes end what they do for a search, and perhaps wait a little until they have."""
        asked = self._asker.submit(self._told, _end, run)
        with suppress(TimeoutError):
            asked.result(END_WITHIN_S if wait else 0)

    def forget(self, search: str, *, wait: bool = False) -> None:
        """Have all nodes end what they do for a search whose driver is gone, and perhaps wait a little likewise."""
        asked = self._asker.submit(self._told, _forget, search)
        with suppress(TimeoutError):
            asked.result(END_WITHIN_S if wait else 0)

    def drop(self, key: str, workers: Iterable[str]) -> None:
        """Have nodes end the processes of a task that nobody wants any more."""
        self._asker.submit(self._told, _drop, key, sorted(workers))

    def _told(self, function: Callable[..., Any], what: object, workers: list[str] | None = None) -> None:
        try:
            self.client.run(function, what, workers=workers, on_error="ignore")
        except (NetworkError, OSError, TimeoutError, CommClosedError):
            log.info("nodes can't be told what has ended", exc_info=True)

    def close(self) -> None:
        """Disconnect."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close(timeout=CONNECT_WITHIN_S)


def host_here() -> Any:
    """Return the ``Host`` of the node that this task runs on."""
    return get_worker().plugins[FACTS].host  # type: ignore[attr-defined]


def key_here() -> str:
    """Return the key of the task that calls this."""
    return str(get_worker().get_current_task())


def doing_of(worker: Worker) -> dict[str, float]:
    """Return of each task that has one of a node's cores the seconds since it began, by its key."""
    now = time.time()
    begun = {str(task.key): task.start_time for task in worker.state.executing}
    return {key: now - since for key, since in begun.items() if since is not None}


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM, the same for whoever listens and whoever connects."""

    authority: Path
    """Whose signature both sides must have (``--tls-ca``, ``SHARDBLAST_TLS_CA``)."""
    certificate: Path
    """Our own (``--tls-cert``, ``SHARDBLAST_TLS_CERT``)."""
    key: Path
    """Of our certificate (``--tls-key``, ``SHARDBLAST_TLS_KEY``)."""

    def security(self) -> Security:
        """Return them as Dask takes them.

        Raises:
            UsageError: A file is missing.
        """
        for file in (self.authority, self.certificate, self.key):
            if not file.is_file():
                raise UsageError(f"There is no file {str(file)!r} for TLS.", remedy="Check the --tls options.")
        own = {"cert": str(self.certificate), "key": str(self.key)}
        roles = {f"tls_{role}_{name}": path for role in ("client", "scheduler", "worker") for name, path in own.items()}
        return Security(tls_ca_file=str(self.authority), require_encryption=True, **roles)


def certificates_of(authority: str, certificate: str, key: str) -> Certificates | None:
    """Return the certificates that options name; None if they name none.

    Raises:
        UsageError: Some are named and others not.
    """
    given = [authority, certificate, key]
    if not any(given):
        return None
    if not all(given):
        raise UsageError("TLS needs three files.", remedy="Give --tls-ca, --tls-cert and --tls-key.")
    return Certificates(*map(Path, given))


def check_reach(host: str, certificates: Certificates | None, *, insecure: bool) -> None:
    """Refuse to listen, or to connect, without TLS where others may be.

    Args:
        host: A name or an address; empty for all addresses of this machine.
        certificates: For TLS.
        insecure: Whether somebody said that the network is theirs.

    Raises:
        UsageError: It is refused.
    """
    if certificates is not None or insecure or _is_loopback(host):
        return
    raise UsageError(
        f"Without TLS nothing of a cluster may use the address {host or '0.0.0.0'!r}: whoever reaches it can run "
        "programs there.",
        remedy="Give --tls-ca, --tls-cert and --tls-key; or --insecure in a network that is yours alone.",
    )


def check_scheduler(address: str, certificates: Certificates | None, *, insecure: bool) -> None:
    """Refuse a scheduler's address that is none, or that may not be used in this way.

    Raises:
        UsageError: It is refused.
    """
    protocol, _, place = address.partition("://")
    if protocol not in ("tcp", "tls") or not place:
        raise UsageError(
            f"{address!r} is no address of a scheduler.", remedy="Use tls://HOST:PORT, or tcp://127.0.0.1:PORT."
        )
    if (protocol == "tls") != (certificates is not None):
        raise UsageError(
            f"{address!r} and the certificates do not go together.",
            remedy="tls:// needs --tls-ca, --tls-cert and --tls-key (SHARDBLAST_TLS_CA, _CERT, _KEY); tcp:// none.",
        )
    check_reach(place.rpartition(":")[0].strip("[]"), certificates, insecure=insecure)


@dataclass(frozen=True, slots=True)
class Timings:
    """Limits in seconds, the same in all processes of a cluster; tests make some of them shorter."""

    silent_s: float = 30.0
    """A node that gives no sign of life for so long is lost, for the scheduler and for drivers."""
    grace_s: float = 60.0
    """A task waits so long for a lost node to return before the node's volumes are given to another."""
    expected_s: float = 120.0
    """A search goes on without a node that was asked for when the node is not there after so long."""
    stuck_s: float = 10.0
    """A service's search gives back its place when nothing of it could go on for so long."""
    gather_s: float = 20.0
    """Results that can't be read within this time are computed again."""
    late_s: float = 5.0
    """A run that is late by less than this is not started a second time."""
    report_s: float = 2.0
    """Between two looks of a node at its disk and memory."""
    rejoin_s: float = 1.0
    """Between two attempts of a node to reach its scheduler."""
    lease_renew_s: float = 60.0
    """Between a command's signs of life in the storage."""
    lease_lost_s: float = 1800.0
    """A command that gave no sign for so long gives up, because others may soon take it for dead."""
    lease_left_s: float = 3600.0
    """A command that gave no sign for so long is dead, and others remove its files."""

    @classmethod
    def of(cls, text: str) -> Timings:
        """Read changes to the defaults, such as ``grace_s=5 late_s=0.5``.

        Raises:
            UsageError: The text names no limit, or gives one that is not a number above 0.
        """
        known = {field.name for field in fields(cls)}
        changed: dict[str, float] = {}
        for word in text.split():
            name, _, value = word.partition("=")
            try:
                changed[name] = float(value)
            except ValueError:
                changed[name] = 0.0
            if name not in known or not changed[name] > 0:
                raise UsageError(
                    f"{word!r} is not a limit of a cluster in seconds.",
                    remedy=f"Give NAME=SECONDS, where NAME is one of {', '.join(sorted(known))}.",
                )
        return replace(cls(), **changed)


async def _drop(key: str, dask_worker: Worker) -> None:
    """End the processes of a task on this node."""
    host = dask_worker.plugins[FACTS].host  # type: ignore[attr-defined]
    await asyncio.to_thread(host.drop, key)


async def _forget(search: str, dask_worker: Worker) -> None:
    """End all runs of a search on this node."""
    host = dask_worker.plugins[FACTS].host  # type: ignore[attr-defined]
    await asyncio.to_thread(host.forget, search)


async def _end(run: RunId, dask_worker: Worker) -> None:
    """End a search on this node."""
    host = dask_worker.plugins[FACTS].host  # type: ignore[attr-defined]
    await asyncio.to_thread(host.end, run)  # not in Dask's own thread: ending processes may take seconds


def _has_reported(told: dict[str, Any]) -> bool:
    return bool(told.get("metrics", {}).get(FACTS, {}).get("name"))


def _address(worker: str, told: dict[str, Any]) -> Address:
    facts = told["metrics"][FACTS]
    member = Member(NodeState.of(facts), True, told["last_seen"], facts["running"], facts.get("is_draining", False))
    waiting = {run: Lack.of(lack) for run, lack in facts["waiting"].items()}
    return Address(worker, member, dict(facts["staging"]), dict(facts.get("doing", {})), waiting)


def _unreachable() -> NetworkError:
    return NetworkError("The scheduler of the cluster can't be reached.", remedy="See that it runs, and its address.")


def _is_loopback(host: str) -> bool:
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)} if host else set()
    except OSError:
        return False
    return bool(found) and all(ipaddress.ip_address(one).is_loopback for one in found)
