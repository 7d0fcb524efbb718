"""A driver's connection to the cluster: its nodes, its certificates, and its timings.

Anyone who can connect to a Dask port can run any program there. Certificates therefore decide who may connect.
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

from cryptography.x509 import load_pem_x509_certificates
from distributed import Client, Security, Worker, get_worker
from distributed.comm.core import CommClosedError

from shardblast.cluster.messages import RunId
from shardblast.core.errors import TRIED_FOR_S, NetworkError, UsageError
from shardblast.core.lack import ExpectedNodes, Lack, lacks_nodes
from shardblast.core.node import Member, NodeState
from shardblast.core.units import split_address

FACTS = "shardblast"
"""Name of the plugin on each node, and of the facts that nodes report with each heartbeat."""
LEFT = "shardblast-left"
"""Topic at the scheduler under which nodes that were told to go say so, by the names that Dask has for them."""
CONNECT_WITHIN_S, CONNECT_AGAIN_S = 5, 1.0
FRESH_S = 0.25
"""Age in seconds up to which the known nodes are reused."""
FRESH_TIMES, FRESH_MOST_S = 20, 2.0
"""With very many nodes, they are reused for this multiple of a request's time, but at most for the second number."""
END_WITHIN_S = 6.0
DAY_S = 24 * 3600.0
WARNED_DAYS = 30
"""Days before the end of a certificate in which each process warns of it daily."""
KEPT_S = DAY_S
"""Time for which a lost node remains listed."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Address:
    """A connected node, with the name by which Dask knows it."""

    worker: str
    member: Member
    staging: dict[str, int] = field(default_factory=dict)
    """Staged bytes, by the keys of the drivers that requested them."""
    doing: dict[str, float] = field(default_factory=dict)
    """Seconds since the start of each task that occupies one of its cores, by the task's key."""
    waiting: dict[str, Lack] = field(default_factory=dict)
    """What merges on the node wait for, by run."""
    is_alike: bool = True
    """Whether its BLAST+ has the version of the driver's: one search never mixes two."""

    @property
    def name(self) -> str:
        """Name of the node, which survives restarts."""
        return self.member.state.name

    @property
    def takes_work(self) -> bool:
        """Whether the node accepts tasks. A draining node only finishes those it runs."""
        return self.is_alike and not self.member.is_draining


class Cluster:
    """A connection to the scheduler, shared by all threads."""

    def __init__(
        self,
        connect: Callable[[], Client],
        timings: Timings,
        certificates: Certificates | None = None,
        blast: str = "",
    ) -> None:
        """``blast`` is the version of BLAST+ that nodes must have to accept work; empty for any."""
        self.timings = timings
        self._blast = blast
        self.certificates = certificates
        self._connect = connect
        self._client: Client | None = None
        self.scheduler = ""
        """The id of the scheduler that last answered."""
        self._connects_at = 0.0
        self._known: tuple[float, list[Address]] = (0.0, [])
        self._fresh_s = FRESH_S
        self._seen: dict[str, Member] = {}
        self._lock = threading.RLock()
        self._asker = ThreadPoolExecutor(4, thread_name_prefix="end")

    @classmethod
    def at(cls, address: str, certificates: Certificates | None, timings: Timings, blast: str = "") -> Cluster:
        """Return the cluster of a scheduler, which need not run yet. ``blast`` is that of the class."""
        given: dict[str, Any] = {"security": certificates.security() if certificates else None, "name": "shardblast"}
        given |= {"timeout": CONNECT_WITHIN_S, "set_as_default": False}
        return cls(lambda: Client(address, **given), timings, certificates, blast)

    @property
    def client(self) -> Client:
        """The connection, opened again if it was lost. Raises NetworkError while the scheduler is unreachable."""
        with self._lock:
            if self._client is None or self._client.status in ("closed", "closing"):
                if time.monotonic() < self._connects_at:
                    raise _unreachable()
                try:
                    self._client = self._connect()
                except (OSError, TimeoutError, CommClosedError) as error:
                    self._connects_at = time.monotonic() + CONNECT_AGAIN_S
                    raise _unreachable() from error
            if self._client.status != "running":
                raise _unreachable()
            return self._client

    def addresses(self, *, now: bool = False) -> list[Address]:
        """Return the connected nodes. ``now`` asks the scheduler again: a new node may take a search."""
        with self._lock:
            asked, known = self._known
            started = time.monotonic()
            if started - asked < self._fresh_s and not now:
                return known
            workers = self._workers()
            addresses = [self._address(*found) for found in workers.items() if _has_reported(found[1])]
            if gone := {node.worker: node.name for node in known if node.worker not in workers}:
                for worker in gone.keys() & self._left():
                    self._seen.pop(gone[worker], None)
            ended = time.monotonic()
            self._known = (ended, addresses)
            self._fresh_s = max(FRESH_S, min(FRESH_TIMES * (ended - started), FRESH_MOST_S))
            self._seen |= {node.name: node.member for node in addresses}
            return addresses

    def takers(self, *, now: bool = False) -> list[Address]:
        """Return the nodes that accept work; none if the scheduler can't be reached. See ``addresses``."""
        with suppress(NetworkError):
            return [node for node in self.addresses(now=now) if node.takes_work]
        return []

    def _address(self, worker: str, report: dict[str, Any]) -> Address:
        facts = report["metrics"][FACTS]
        state, is_draining = NodeState.of(facts), facts.get("is_draining", False)
        member = Member(state, True, report["last_seen"], facts["running"], is_draining)
        waiting = {run: Lack.of(lack) for run, lack in facts["waiting"].items()}
        is_alike = self._blast in ("", facts.get("blast"))
        return Address(worker, member, dict(facts["staging"]), dict(facts.get("doing", {})), waiting, is_alike)

    def _workers(self) -> dict[str, dict[str, Any]]:
        """Ask the scheduler for the workers it knows, by address.

        ``Client.scheduler_info`` does not serve: it returns the client's copy, which every two seconds is replaced by
        an answer without workers, so that all nodes seem to be gone at times.
        """
        identity: dict[str, Any] = self._answer("identity")
        self.scheduler = str(identity["id"])
        workers: dict[str, dict[str, Any]] = identity["workers"]
        return workers

    def _left(self) -> set[str]:
        """Ask the scheduler which workers were told to go and went."""
        return {worker for _, worker in self._answer("events", topic=LEFT)}

    def _answer(self, question: str, **details: str) -> Any:
        client = self.client
        if (scheduler := client.scheduler) is None:  # it was closed just now
            raise _unreachable()
        try:
            return client.sync(getattr(scheduler, question), **details)
        except (OSError, TimeoutError, CommClosedError) as error:
            raise _unreachable() from error

    def members(self) -> list[Member]:
        """Return nodes that are connected, or were and did not leave, by name.

        A silent scheduler's answer counts for ``silent_s``.
        """
        with suppress(NetworkError):
            self.addresses()
        with self._lock:
            asked, known = self._known
            young = {name: seen for name, seen in self._seen.items() if time.time() - seen.last_seen < KEPT_S}
        there = {node.name: node.member for node in known if time.monotonic() - asked < self.timings.silent_s}
        gone = {name: Member(seen.state, False, seen.last_seen, 0) for name, seen in young.items() if name not in there}
        return [member for _, member in sorted((gone | there).items())]

    def queued(self, there: Sequence[Address]) -> frozenset[str]:
        """Return the keys of tasks that nodes received and have not begun; empty if the scheduler can't be reached."""
        try:
            sent = self.client.processing([node.worker for node in there])
        except (NetworkError, OSError, TimeoutError, CommClosedError, KeyError):  # KeyError: a worker has left since
            return frozenset()
        begun = {key for node in there for key in node.doing}
        return frozenset(str(key) for keys in sent.values() for key in keys) - begun

    def end(self, run: RunId, *, wait: bool) -> None:
        """Have all nodes end the tasks of a run; with ``wait``, wait up to END_WITHIN_S until they have."""
        self._ask("end", run, wait=wait)

    def forget(self, search: str, *, wait: bool = False) -> None:
        """Have all nodes end the tasks of a search whose driver is gone; ``wait`` as for ``end``."""
        self._ask("forget", search, wait=wait)

    def drop(self, key: str, workers: Iterable[str]) -> None:
        """Have nodes end the processes of a task whose result is no longer wanted."""
        self._asker.submit(self._run_on_nodes, "drop", key, sorted(workers))

    def _ask(self, method: str, argument: object, *, wait: bool) -> None:
        asked = self._asker.submit(self._run_on_nodes, method, argument)
        with suppress(TimeoutError):
            asked.result(END_WITHIN_S if wait else 0)

    def _run_on_nodes(self, method: str, argument: object, workers: list[str] | None = None) -> None:
        try:
            self.client.run(_tell, method, argument, workers=workers, on_error="ignore")
        except (NetworkError, OSError, TimeoutError, CommClosedError):
            log.info("nodes can't be asked to end tasks", exc_info=True)

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close(timeout=CONNECT_WITHIN_S)


def lack_of_nodes(lack: Lack, there: Sequence[Address], expected: ExpectedNodes) -> Lack:
    """Return ``NO_NODE`` or ``MORE_NODES`` with what is known about the connected nodes and those asked for."""
    alike = [node for node in there if node.is_alike]
    takers = sum(node.takes_work for node in alike)
    return lacks_nodes(lack, takers, expected, len(alike) - takers, len(there) - len(alike))


def host_here() -> Any:
    """Return the ``Host`` of the node on which the calling task runs."""
    return _host_of(get_worker())


def key_here() -> str:
    return str(get_worker().get_current_task())


def doing_of(worker: Worker) -> dict[str, float]:
    """Return the seconds since the start of each task that occupies one of a node's cores, by the task's key."""
    now = time.time()
    begun = {str(task.key): task.start_time for task in worker.state.executing}
    return {key: now - since for key, since in begun.items() if since is not None}


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files, the same for both sides of a connection."""

    authority: Path
    """The authority that must have signed both certificates (``--tls-ca``, ``SHARDBLAST_TLS_CA``)."""
    certificate: Path
    """The certificate of this process (``--tls-cert``, ``SHARDBLAST_TLS_CERT``)."""
    key: Path
    """The key of that certificate (``--tls-key``, ``SHARDBLAST_TLS_KEY``)."""

    def security(self) -> Security:
        """Return the certificates as Dask takes them, after checking that the files exist."""
        for file in (self.authority, self.certificate, self.key):
            if not file.is_file():
                raise UsageError(f"The TLS file {str(file)!r} does not exist.", remedy="Check the --tls options.")
        own = {"cert": str(self.certificate), "key": str(self.key)}
        roles = {f"tls_{role}_{name}": path for role in ("client", "scheduler", "worker") for name, path in own.items()}
        return Security(tls_ca_file=str(self.authority), require_encryption=True, **roles)

    def end(self) -> float:
        """Return when the certificate or its authority ends, whichever is first, in seconds since 1970."""
        ends: list[float] = []
        for file in (self.authority, self.certificate):
            try:
                ends += [one.not_valid_after_utc.timestamp() for one in load_pem_x509_certificates(file.read_bytes())]
            except (OSError, ValueError) as error:
                problem = f"The TLS file {str(file)!r} can't be read as certificates: {error}."
                raise UsageError(problem, remedy="Check the --tls options.") from error
        return min(ends)

    def watch(self) -> None:
        """Warn daily for the life of this process, which keeps its certificate, when that is about to end."""
        end = self.end()
        threading.Thread(target=_warn_daily, args=(end,), name="certificate", daemon=True).start()


def _warn_daily(end: float) -> None:
    while True:
        if warning := warning_of_end(end, time.time()):
            log.warning("%s", warning)
        time.sleep(DAY_S)


def warning_of_end(end: float, now: float) -> str | None:
    """Return what people should know ``WARNED_DAYS`` before a certificate ends. Times are in seconds since 1970."""
    if end - now > WARNED_DAYS * DAY_S:
        return None
    when = f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime(end))} UTC"
    verb = "ended" if end <= now else "ends"
    return f"The TLS certificate of this process or its authority {verb} on {when}. Renew it, and restart the process."


def certificates_of(authority: str, certificate: str, key: str) -> Certificates | None:
    """Return the certificates that options name; None if they name none. The options go together."""
    given = [authority, certificate, key]
    if not any(given):
        return None
    if not all(given):
        raise UsageError("TLS needs three files.", remedy="Give --tls-ca, --tls-cert and --tls-key.")
    return Certificates(*map(Path, given))


def check_reach(host: str, certificates: Certificates | None, *, insecure: bool) -> None:
    """Refuse to use a host (empty: all addresses) without TLS if others can connect, unless users say ``insecure``."""
    if certificates is not None or insecure or _is_loopback(host):
        return
    problem = f"The address {host or '0.0.0.0'!r} needs TLS: anyone who can connect to it could run programs there."
    remedy = "Give --tls-ca, --tls-cert and --tls-key, or --insecure if the network is private."
    raise UsageError(problem, remedy=remedy)


def check_scheduler(address: str, certificates: Certificates | None, *, insecure: bool) -> None:
    """Reject an invalid address of a scheduler, or one that does not fit the certificates; see also ``check_reach``."""
    parts = split_address(address, "address of the scheduler")
    if parts.scheme not in ("tcp", "tls") or not parts.hostname or not parts.port:
        problem = f"{address!r} is not the address of a scheduler."
        raise UsageError(problem, remedy="Use tls://HOST:PORT or tcp://127.0.0.1:PORT.")
    if (parts.scheme == "tls") != (certificates is not None):
        problem = f"{address!r} and the certificates do not go together."
        remedy = "tls:// needs --tls-ca, --tls-cert, --tls-key (SHARDBLAST_TLS_CA, _CERT, _KEY). tcp:// takes none."
        raise UsageError(problem, remedy=remedy)
    check_reach(parts.hostname, certificates, insecure=insecure)


@dataclass(frozen=True, slots=True)
class Timings:
    """Limits in seconds, the same in all processes of a cluster. Tests shorten some of them."""

    silent_s: float = 30.0
    """A node without a heartbeat for this long counts as lost, for the scheduler and for drivers."""
    grace_s: float = 60.0
    """Time for which a task waits for a lost node before its volumes are assigned to another."""
    expected_s: float = 120.0
    """Time for which a search waits for a node that was requested."""
    retry_s: float = TRIED_FOR_S
    """Time for which a task is retried if its failures may pass, such as a node without memory."""
    stuck_s: float = 10.0
    """A service's search gives up its place after being stuck for this long."""
    gather_s: float = 20.0
    """Results that can't be read within this time are computed again."""
    late_s: float = 5.0
    """A run that is late by less than this is not started a second time."""
    kept_s: float = 60.0
    """Time for which a node keeps the volumes of a search that runs nothing there now."""
    report_s: float = 2.0
    """Interval at which a node checks its disk and memory."""
    rejoin_s: float = 1.0
    """Interval between a node's attempts to reach its scheduler."""
    lease_renew_s: float = 60.0
    """Interval at which a command renews its lease in the storage."""
    lease_lost_s: float = 1800.0
    """A command that could not renew its lease for this long gives up, before others take it for dead."""
    lease_left_s: float = 3600.0
    """A lease that was not renewed for this long counts as abandoned; others remove the command's files."""

    @classmethod
    def of(cls, text: str) -> Timings:
        """Parse changes to the defaults, such as ``grace_s=5 late_s=0.5``; limits are above 0."""
        known = {field.name for field in fields(cls)}
        changed: dict[str, float] = {}
        for word in text.split():
            name, _, value = word.partition("=")
            try:
                changed[name] = float(value)
            except ValueError:
                changed[name] = 0.0
            if name not in known or not changed[name] > 0:
                problem = f"{word!r} is not a limit of a cluster in seconds."
                raise UsageError(problem, remedy=f"Give NAME=SECONDS, where NAME is one of {', '.join(sorted(known))}.")
        return replace(cls(), **changed)


async def _tell(method: str, argument: object, dask_worker: Worker) -> None:
    """Call a method of a node's ``Host``, not in Dask's own thread, since it may take seconds."""
    await asyncio.to_thread(getattr(_host_of(dask_worker), method), argument)


def _host_of(worker: Worker) -> Any:
    return worker.plugins[FACTS].host  # type: ignore[attr-defined]


def _has_reported(report: dict[str, Any]) -> bool:
    return bool(report.get("metrics", {}).get(FACTS, {}).get("name"))


def _unreachable() -> NetworkError:
    return NetworkError(
        "The scheduler of the cluster can't be reached.", remedy="Check its address and whether it runs."
    )


def _is_loopback(host: str) -> bool:
    try:
        addresses = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)} if host else set()
    except OSError:
        return False
    return bool(addresses) and all(ipaddress.ip_address(address).is_loopback for address in addresses)
