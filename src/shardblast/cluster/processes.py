"""The processes of a cluster: a scheduler, and nodes, which are Dask workers with a ``Host``; and their health checks.

Kubernetes probes have no certificate. They are answered on a separate port without TLS, which reveals nothing else.
"""

import asyncio
import logging
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import dask
from distributed import Scheduler, Security, Worker, WorkerPlugin
from distributed.comm.core import CommClosedError, connect
from distributed.core import RPCClosed, Status
from distributed.utils import get_ip
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from shardblast.cluster.connection import FACTS, LEFT, Certificates, Timings, doing_of
from shardblast.cluster.worker import Host
from shardblast.core.errors import ConflictError

ONLY_HERE = "127.0.0.1:0"
"""Address of Dask's own pages. They are never encrypted, so only this machine can open them."""
CHECKED_EVERY_S = 0.1
HEARTBEAT_WITHIN_S = 5.0
CLOSE_WITHIN_S = 10.0
log = logging.getLogger(__name__)

UNAVAILABLE = 503


def run_scheduler(
    host: str,
    port: int,
    health_port: int | None,
    certificates: Certificates | None,
    timings: Timings,
    on_listening: Callable[[str], None],
) -> None:
    """Run a scheduler until a signal ends it; ``on_listening`` is called with its address.

    Port 0 selects any free port. Without a health port, probes are not answered.
    """

    async def run(ending: _Ending) -> None:
        protocol, security = _protocol(certificates)
        place: dict[str, Any] = {"host": host, "port": port, "protocol": protocol, "dashboard_address": ONLY_HERE}
        try:
            scheduler = await Scheduler(**place, security=security, dashboard=False)
        except OSError as error:
            problem = f"The scheduler can't listen on {host}, port {port}: {error}."
            raise ConflictError(problem, remedy="Choose another --port.") from error
        with answering_probes(host, health_port, lambda: scheduler.status is Status.running):
            on_listening(scheduler.address)
            await ending.asked.wait()
        await scheduler.close()

    _until_signalled(run, timings)


def run_node(
    scheduler: str,
    own: Host,
    address: str,
    health_port: int | None,
    certificates: Certificates | None,
    drain_s: float,
    on_connected: Callable[[str], None],
) -> None:
    """Run a node until a signal ends it. It reconnects whenever its scheduler returns, and calls ``on_connected``.

    SIGTERM makes it finish its running pieces, for at most ``drain_s`` seconds, and accept no more. A second SIGTERM,
    or SIGINT, ends it at once. Without an ``address`` it listens where it reaches the scheduler, and without a
    ``health_port`` it answers no probes.
    """
    listens = address or own_address(scheduler)
    worker: Worker | None = None

    async def run(ending: _Ending) -> None:
        with answering_probes(listens, health_port, lambda: worker is not None and worker.status is Status.running):
            await stay(ending)

    async def stay(ending: _Ending) -> None:
        nonlocal worker
        while not ending.asked.is_set():
            if not await _answers(scheduler, certificates):
                await _either(ending.asked, own.timings.rejoin_s)
                continue
            worker = _worker(scheduler, own, listens, certificates)
            started = asyncio.ensure_future(_started(worker, on_connected))
            over = asyncio.ensure_future(ending.asked.wait())
            await asyncio.wait([started, over], return_when=asyncio.FIRST_COMPLETED)
            if worker.status is Status.running and not ending.at_once.is_set():
                await _drain(worker, own, ending, drain_s)
            if ending.asked.is_set():
                await _take_leave(worker)
            started.cancel()
            over.cancel()
            await worker.close(timeout=CLOSE_WITHIN_S, nanny=False)
            if not ending.asked.is_set():
                log.warning("the scheduler is gone; the node looks for it again")
                await _either(ending.asked, own.timings.rejoin_s)

    own.start()
    try:
        _until_signalled(run, own.timings)
    finally:
        own.abandon()


def own_address(scheduler: str) -> str:
    """Return the address of this machine from which it reaches a scheduler."""
    host = scheduler.partition("://")[2].rpartition(":")[0].strip("[]")
    try:
        return str(get_ip(socket.gethostbyname(host)))
    except OSError:
        return str(get_ip())


@contextmanager
def answering_probes(host: str, port: int | None, works: Callable[[], bool]) -> Iterator[None]:
    """Answer ``GET /health``, and ``GET /ready`` with 200 or 503 as ``works`` says, within the context.

    The event loop that answers also does all other work, so probes fail when it is stuck.
    """
    if port is None:
        yield
        return
    pages = [("/health", _Probed, {"holds": lambda: True}), ("/ready", _Probed, {"holds": works})]
    server = HTTPServer(Application(pages, log_function=lambda handler: None))
    try:
        server.listen(port, host)
    except OSError as error:
        problem = f"Probes can't be answered on {host}, port {port}: {error}."
        raise ConflictError(problem, remedy="Choose another --health-port.") from error
    try:
        yield
    finally:
        server.stop()


@dataclass(frozen=True, slots=True)
class _Ending:
    """What signals have requested."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process is to end."""
    at_once: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when running tasks are to be ended too."""

    def terminate(self) -> None:
        """Request the end; a second call requests it at once."""
        if self.asked.is_set():
            self.at_once.set()
        self.asked.set()

    def interrupt(self) -> None:
        self.asked.set()
        self.at_once.set()


class _OwnsVolumes(WorkerPlugin):
    """Gives tasks their ``Host``."""

    name = FACTS

    def __init__(self, host: Host) -> None:
        self.host = host

    def teardown(self, worker: Worker) -> None:
        self.host.abandon()


def _worker(scheduler: str, own: Host, listens: str, certificates: Certificates | None) -> Worker:
    protocol, security = _protocol(certificates)
    worker = Worker(
        scheduler,
        nthreads=own.cores,
        name=f"{own.node.name}-{secrets.token_hex(3)}",  # an earlier worker may still be known
        host=listens,
        protocol=protocol,
        security=security,
        memory_limit=0,
        dashboard=False,
        dashboard_address=ONLY_HERE,
        local_directory=str(own.scratch),
        plugins=(_OwnsVolumes(own),),
    )
    worker.metrics[FACTS] = lambda dask_worker: {**own.report(), "doing": doing_of(dask_worker)}
    return worker


async def _drain(worker: Worker, own: Host, ending: _Ending, within_s: float) -> None:
    """Accept nothing more; let running tasks end and their results be read, within the time limit."""
    own.is_draining = True
    worker.status = Status.paused
    loop = asyncio.get_running_loop()
    latest = loop.time() + within_s
    with suppress(TimeoutError):  # a scheduler that is stuck does not answer
        await asyncio.wait_for(worker.heartbeat(), HEARTBEAT_WITHIN_S)
    log.info("the node drains", extra={"tasks": len(worker.active_keys)})
    while worker.status is Status.paused and loop.time() < latest and not ending.at_once.is_set():
        if not (worker.active_keys or worker.state.executing or worker.data):
            break  # no task runs, is about to store its result, or has one that was not read
        await _either(ending.at_once, CHECKED_EVERY_S)


async def _take_leave(worker: Worker) -> None:
    """Tell the scheduler that this node was told to go, so that it does not count as lost."""
    with suppress(OSError, TimeoutError, CommClosedError, RPCClosed):
        await asyncio.wait_for(worker.scheduler.log_event(topic=LEFT, msg=worker.address), HEARTBEAT_WITHIN_S)


async def _either(ended: asyncio.Event, seconds: float) -> None:
    """Wait for an event, up to a time limit."""
    with suppress(TimeoutError):
        await asyncio.wait_for(ended.wait(), seconds)


async def _answers(scheduler: str, certificates: Certificates | None) -> bool:
    """Return whether a scheduler can be reached. Dask's workers do not report the reason for a failure."""
    security = certificates.security() if certificates else Security()
    try:
        comm = await connect(scheduler, timeout=CLOSE_WITHIN_S, **security.get_connection_args("worker"))
    except (OSError, CommClosedError) as error:
        log.warning("the scheduler can't be reached: %s", error, extra={"scheduler": scheduler})
        return False
    await comm.close()
    return True


async def _started(worker: Worker, on_connected: Callable[[str], None]) -> None:
    try:
        await worker
        on_connected(worker.address)
        await worker.finished()
    except (OSError, ValueError, RuntimeError) as error:
        log.warning("the node can't join the cluster yet: %s", error)


def _protocol(certificates: Certificates | None) -> tuple[str, Any]:
    return ("tcp", None) if certificates is None else ("tls", certificates.security())


def _until_signalled(run: Callable[[_Ending], Awaitable[None]], timings: Timings) -> None:
    async def main() -> None:
        ending = _Ending()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, ending.terminate)
        loop.add_signal_handler(signal.SIGINT, ending.interrupt)
        await run(ending)

    for name in ("distributed", "tornado.application"):  # Dask's warnings go to the log of this process
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.addFilter(in_one_line)
    silent = f"{timings.silent_s}s"
    settings = {
        "distributed.scheduler.worker-ttl": silent,
        "distributed.scheduler.allowed-failures": 3,
        "distributed.comm.timeouts.connect": "10s",
        "distributed.comm.timeouts.tcp": silent,
        "distributed.worker.daemon": False,
        "distributed.admin.log-length": 0,
        "distributed.admin.tick.interval": "1s",  # by default, measurements wake idle processes 150 times a second
        "distributed.admin.system-monitor.interval": "5s",
        "distributed.worker.profile.enabled": False,
    }
    with dask.config.set(settings):
        asyncio.run(main())


def in_one_line(record: logging.LogRecord) -> bool:
    """Replace the traceback of a lost connection, which Dask logs when the scheduler ends first, by its reason."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, OSError) and not record.name.startswith("shardblast"):
        record.msg, record.args, record.exc_info = f"{record.getMessage().rstrip('.')}: {error}", (), None
    return True


class _Probed(RequestHandler):
    def initialize(self, holds: Callable[[], bool]) -> None:
        self.holds = holds

    def get(self) -> None:
        holds = self.holds()
        self.set_status(200 if holds else UNAVAILABLE)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish("ok\n" if holds else "not connected\n")
