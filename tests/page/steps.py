"""Actions of users on the page."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.cluster.parts import blast_pids, stopped
from tests.service.server import Server

PATIENCE_MS = 120_000
OF_SEARCH = re.compile(r"/searches/([0-9a-f]{32})")

expect.set_options(timeout=PATIENCE_MS)


def write_query(page: Page, query: str) -> None:
    page.get_by_role("textbox", name="Query", exact=True).fill(query)


def choose_database(page: Page, name: str) -> None:
    page.get_by_role("radiogroup", name="Database").get_by_role("radio", name=re.compile(f"^{name} ")).check()


def submit(page: Page) -> str:
    """Submit what is written; return the search's id."""
    expect(page.get_by_text("Ready to run")).to_be_visible()
    page.get_by_role("button", name="BLAST").click()
    page.wait_for_url(OF_SEARCH)
    return search_id(page)


def search_id(page: Page) -> str:
    found = OF_SEARCH.search(page.url)
    assert found
    return found[1]


def new_search(page: Page, server: Server, query: str, database: str) -> str:
    page.goto(f"{server.url}/new")
    write_query(page, query)
    choose_database(page, database)
    return submit(page)


def hold(server: Server, search: str) -> int:
    """Stop a process that searches a piece, so that its search is not over too soon; return its id."""
    return stopped(lambda: blast_pids(server.home / "searches" / search, ".piece."))


def download(page: Page, name: str) -> bytes:
    """Return what a format of the menu of downloads brings."""
    page.get_by_text("Download", exact=True).click()
    with page.expect_download() as loaded:
        page.get_by_role("link", name=name).click()
    return Path(loaded.value.path()).read_bytes()


def download_hits(page: Page, menu: str, name: str) -> bytes:
    """Return what a choice of the menu of hits brings."""
    page.get_by_text(menu, exact=True).click()
    with page.expect_download() as loaded:
        page.get_by_role("button", name=name, exact=True).click()
    return Path(loaded.value.path()).read_bytes()


def show(page: Page, view: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name=view, exact=True).click()
