"""A running service with small databases, and a browser that opens its page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from tests.databases import make_database
from tests.sequences import gene, real
from tests.service.server import Server

CHROMIUM = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)
"""It speaks with this machine only."""
PATIENCE_MS = 120_000
"""For machines that do much else at once."""
LASTING = """
const wait = window.setTimeout;
window.setTimeout = (run, ms, ...more) => wait(run, [1500, 5000, 10000].includes(ms) ? 6 * ms : ms, ...more);
"""
"""Notices, which the page takes away after seconds, stay until such a machine has looked."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. Playwright runs an event loop until it ends, beside which other tests could run none."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert path, "Chromium is missing: scripts/test-needs installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Databases by the names that services give them."""
    folder = tmp_path_factory.mktemp("served")
    proteins = real("proteins")[:600]
    return {
        "genes": make_database(folder / "genes" / "genes", "nucl", [*real("16s")[:150], *map(gene, proteins[:40])]),
        "proteins": make_database(folder / "proteins" / "proteins", "prot", proteins),
    }


def serving(home: Path, served: dict[str, Path], *options: str) -> Server:
    """Return a service with the databases, started."""
    server = Server(home, *options)
    for name, path in served.items():
        server.add_database(name, path)
    server.start()
    return server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, served: dict[str, Path]) -> Iterator[Server]:
    one = serving(tmp_path_factory.mktemp("service") / "home", served)
    yield one
    one.close()


class Watched:
    """The requests and console errors of a page."""

    def __init__(self, context: BrowserContext) -> None:
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        context.on("console", self._said)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        refused = "the server responded with a status of 4" in message.text or "net::ERR_" in message.text
        if message.type in ("error", "warning") and not refused:
            self.complaints.append(message.text)

    def _asked(self, request: Request) -> None:
        if request.url.startswith("http"):
            self.hosts.add(request.url.split("/")[2].split(":")[0])


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that knows nothing yet; it must not complain, nor ask any other host."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(LASTING)
    watched = Watched(context)
    yield context
    context.close()
    assert watched.complaints == []
    assert watched.hosts <= {"127.0.0.1"}


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()
