"""The page, in Chromium: from a key to what it brings being painted, and from an address to the first view."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, sync_playwright

from bench import data
from bench.cases.case import Measured, Settings
from bench.cases.service import p95, served, write_hits
from bench.data import NoData
from bench.figure import Figure
from shardblast.service.hit_index import FILE

STATIC = Path(__file__).resolve().parents[2] / "src" / "shardblast" / "api" / "static"
CHROMIUM = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
WINDOW: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "bypass_csp": True}
"""The page's own policy would refuse the conditions that are waited for."""
INTERACTION_MS, FIRST_VIEW_MS, SCRIPT_KB = 100, 1000, 250
HSPS_EACH = 10
BETWEEN_KEYS_MS = 250
"""A person's keys are no closer; what the page reads ahead of them arrives meanwhile."""

PAINTED = """
() => {
  // Told to a promise: milliseconds from the next key until a condition holds and is painted.
  globalThis.untilPainted = (condition) => {
    const holds = new Function(`return ${condition}`);
    const wanted = {};
    wanted.painted = new Promise((told) => {
      addEventListener("keydown", (event) => {
        const began = event.timeStamp;
        const look = () => {
          if (!holds()) requestAnimationFrame(look);
          else requestAnimationFrame(() => setTimeout(() => told(performance.now() - began)));
        };
        requestAnimationFrame(look);
      }, { once: true, capture: true });
    });
    return wanted;
  };
}
"""
FIRST = """
const look = () => {
  if (!(%s)) requestAnimationFrame(look);
  else requestAnimationFrame(() => setTimeout(() => { globalThis.firstPainted = performance.now(); }));
};
requestAnimationFrame(look);
"""
FIRST_ROW = "document.querySelector('.table.hits .tr a')"
VIEWS = {
    "Graphic summary": "document.querySelectorAll('.graphic a').length > 10",
    "Alignments": "document.querySelector('.hsp')",
    "Distribution": "document.querySelector('.plot rect')",
    "Taxonomy": "document.querySelector('[role=treegrid] .tr')",
    "Descriptions": FIRST_ROW,
}


def measure(settings: Settings) -> Measured:
    """Every kind of interaction with a query of very many hits."""
    hits, times = settings.size(5000, 50), settings.size(20, 2)
    with served() as server, _chromium() as browser:
        search = server.submit("blastn", "16s", data.tiny_query().read_text())["id"]
        server.ended(search)
        write_hits(server.home / "searches" / search / FILE, hits, HSPS_EACH)
        address = f"{server.url}/searches/{search}"
        figures = [
            *_first_views(browser, {"of the results": (address, FIRST_ROW), "of the form": _form(server.url)}, times),
            *_interactions(browser, address, hits, times),
        ]
    note = f"1 query with {hits:,} hits and {hits * HSPS_EACH:,} HSPs, made up"
    return Measured(note, (*figures, Figure("first script, gzipped", _script_kb(), "KB", SCRIPT_KB)))


def _form(url: str) -> tuple[str, str]:
    return f"{url}/new", "document.querySelector('input[name=database]')"


@contextmanager
def _chromium() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not path:
        raise NoData("there is no Chromium: scripts/test-needs installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM))
        yield browser
        browser.close()


def _first_views(browser: Browser, views: dict[str, tuple[str, str]], times: int) -> Iterator[Figure]:
    """Measure views in a browser that has nothing of the page yet."""
    for name, (address, condition) in views.items():
        found = []
        for _ in range(times):
            context = browser.new_context(**WINDOW)
            page = context.new_page()
            page.add_init_script(FIRST % condition)
            page.goto(address)
            page.wait_for_function("globalThis.firstPainted !== undefined")
            found.append(float(page.evaluate("firstPainted")))
            context.close()
        yield _figure(f"first view {name}", found, FIRST_VIEW_MS)


def _interactions(browser: Browser, address: str, hits: int, times: int) -> Iterator[Figure]:
    for name, act in {
        "sort, in an order not seen yet": _sort,
        "sort, in an order seen before": _sort_again,
        "a letter more in the filter by text": _filter,
        "another least identity": _filter_numbers,
        "select a hit": _select,
        "tab, the first time": _tabs,
        "tab, again": _tabs_again,
        "next hit": _next_hit,
        "next HSP": _next_hsp,
        "zoom": _zoom,
        "move among organisms": _organisms,
    }.items():
        found: list[float] = []
        while len(found) < times:
            page = browser.new_page(**WINDOW)
            page.goto(address)
            page.wait_for_function(FIRST_ROW)
            page.evaluate(PAINTED)
            found += act(page, hits)
            page.close()
        yield _figure(name, found, INTERACTION_MS)


def _figure(name: str, milliseconds: list[float], target: float) -> Figure:
    note = f"median {statistics.median(milliseconds):.0f}, slowest {max(milliseconds):.0f} of {len(milliseconds)}"
    return Figure(f"{name}, 95 of 100", p95(milliseconds), "ms", target, note=note)


def _painted(page: Page, on: Locator | None, key: str, condition: str) -> float:
    """Return the milliseconds from a key on something until a condition holds and is painted."""
    if on is not None:
        on.focus()
    page.wait_for_timeout(BETWEEN_KEYS_MS)
    wanted = page.evaluate_handle("condition => untilPainted(condition)", condition)
    page.keyboard.press(key)
    return float(page.evaluate("wanted => wanted.painted", wanted))


def _sort(page: Page, hits: int) -> list[float]:
    return [_painted(page, heading, "Enter", done) for heading, done in _headings(page)]


def _sort_again(page: Page, hits: int) -> list[float]:
    _sort(page, hits)
    return _sort(page, hits)


def _headings(page: Page) -> Iterator[tuple[Locator, str]]:
    for name in ("Identity", "Query cover", "E value", "Max score"):
        sorted_by = f"document.querySelector('[aria-sort$=cending]')?.textContent.startsWith('{name}')"
        read = page.get_by_role("columnheader", name=name).get_by_role("button")
        yield read, f"{sorted_by} && {FIRST_ROW} && !document.querySelector('.table.hits[aria-busy=true]')"


def _filter(page: Page, hits: int) -> list[float]:
    field = page.get_by_role("searchbox", name="Find in ids and titles")
    return [
        _painted(page, field, letter, _shows(hits, _with("protein " + "12"[: place + 1], hits)))
        for place, letter in _after(page, field, "protein ", "12")
    ]


def _after(page: Page, field: Locator, written: str, letters: str) -> Iterator[tuple[int, str]]:
    field.fill(written)
    yield from enumerate(letters)


def _with(text: str, hits: int) -> int:
    return sum(f"putative protein {hit} of nobody in particular".find(text) >= 0 for hit in range(hits))


def _shows(hits: int, fit: int) -> str:
    return f"document.querySelector('.tools [role=status]')?.textContent === '{fit:,} of {hits:,} hits'"


def _filter_numbers(page: Page, hits: int) -> list[float]:
    field = page.get_by_role("textbox", name="Identity % at least")
    status = "document.querySelector('.tools [role=status]')?.textContent"
    seconds = []
    for digit in "58":
        before = page.evaluate(status)
        seconds.append(_painted(page, field, digit, f"{status}.includes(' of ') && {status} !== '{before}'"))
    return seconds


def _select(page: Page, hits: int) -> list[float]:
    boxes = page.get_by_role("table").get_by_role("checkbox")
    rows = "document.querySelectorAll('.table.hits .tr.chosen').length"
    return [_painted(page, boxes.nth(place), " ", f"{rows} === {place + 1}") for place in range(3)]


def _tabs(page: Page, hits: int) -> list[float]:
    tabs = page.locator("nav.tabs")
    return [
        _painted(page, tabs.get_by_role("link", name=name), "Enter", condition) for name, condition in VIEWS.items()
    ]


def _tabs_again(page: Page, hits: int) -> list[float]:
    _tabs(page, hits)
    return _tabs(page, hits)


def _next_hit(page: Page, hits: int) -> list[float]:
    _open(page, "Alignments")
    section = page.get_by_role("region", name="Alignments")
    return [
        _painted(
            page,
            section,
            "j",
            f"document.querySelector('.hit-card h2')?.textContent === 'id{place}.1' && {VIEWS['Alignments']}",
        )
        for place in range(1, 6)
    ]


def _next_hsp(page: Page, hits: int) -> list[float]:
    _open(page, "Alignments")
    page.wait_for_timeout(BETWEEN_KEYS_MS)
    button = page.get_by_role("button", name="Next HSP").first
    moved = "document.querySelector('.hsps').scrollTop > 100"
    return [_painted(page, button, "Enter", moved)]


def _zoom(page: Page, hits: int) -> list[float]:
    _open(page, "Graphic summary")
    shown = "document.querySelector('.ruler').getAttribute('aria-label')"
    seconds = []
    for name in ("Zoom in", "Zoom in", "Move right", "Zoom out"):
        before = page.evaluate(shown)
        button = page.get_by_role("button", name=name)
        seconds.append(_painted(page, button, "Enter", f"{shown} !== '{before}'"))
    return seconds


def _organisms(page: Page, hits: int) -> list[float]:
    _open(page, "Taxonomy")
    tree = page.get_by_role("treegrid")
    chosen = "document.querySelector('[role=treegrid]').getAttribute('aria-activedescendant')"
    return [
        _painted(page, tree, "ArrowDown", f"{chosen} === 'organism-1'"),
        _painted(page, tree, "End", f"{chosen} !== 'organism-1'"),
    ]


def _open(page: Page, view: str) -> None:
    page.locator("nav.tabs").get_by_role("link", name=view).click()
    page.wait_for_function(VIEWS[view])


def _script_kb() -> float:
    """Return what a browser loads of scripts before it can show anything."""
    found: Sequence[str] = re.findall(r'(?:src|href)="/?([^"]+\.js)"', (STATIC / "index.html").read_text())
    return sum(len(gzip.compress((STATIC / name).read_bytes())) for name in found) / 1000
