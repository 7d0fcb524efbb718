"""Themes, narrow screens, large results, and mistakes of users."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import signal
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from shardblast.core.report import Verdict
from shardblast.engine.stored import StoredQuery
from shardblast.service.hit_index import COLUMNS, FILE, write_index
from tests.page.conftest import serving
from tests.page.steps import choose_database, hold, new_search, show, write_query
from tests.sequences import real
from tests.service.server import Server

AXE = Path(__file__).resolve().parents[2] / "page" / "node_modules" / "axe-core" / "axe.min.js"
RNA = real("16s-queries")[0].fasta + real("16s-queries")[1].fasta
VIEWS = ("progress", "descriptions", "graphic", "alignments", "distribution", "taxonomy", "report")
HITS = 5000
HSPS_EACH = 10


@pytest.fixture(scope="module")
def search(server: Server) -> str:
    """A search that is completed."""
    found = server.submit("blastn", "genes", RNA, title="Two genes of 16S rRNA")
    server.ended(found["id"])
    return str(found["id"])


@pytest.fixture(scope="module")
def large(server: Server) -> str:
    """A search with very many hits, which are made up."""
    found = server.submit("blastn", "genes", RNA, title="Very many hits")["id"]
    server.ended(found)
    path = server.home / "searches" / found / FILE
    path.unlink(missing_ok=True)  # few hits are indexed when they are first read
    write_index(path, [StoredQuery(0, "one", HITS, HITS * HSPS_EACH, Verdict.MERGED)], BytesIO(_printed()))
    return str(found)


def _printed() -> bytes:
    draw = random.Random(1)
    lines = ["# BLASTN", "# Query: one", "# Database: d", f"# {HITS * HSPS_EACH} hits found"]
    for hit in range(HITS):
        for _ in range(HSPS_EACH):
            start = draw.randrange(1, 900)
            values: dict[str, Any] = dict.fromkeys(COLUMNS, 0)
            values |= {"sseqid": f"id{hit}", "saccver": f"id{hit}", "stitle": f"made up {hit}", "staxids": "9606"}
            values |= {"slen": 5000, "qlen": 1000, "bitscore": draw.randrange(20, 400), "qstart": start}
            values |= {"qend": start + 90, "sstart": start, "send": start + 90, "pident": draw.randrange(60, 100)}
            values |= {"length": 91, "nident": 80, "qseq": "A" * 91, "sseq": "A" * 91, "evalue": "1e-20"}
            values["sscinames"] = "Homo sapiens"
            lines.append("\t".join(str(values[name]) for name in COLUMNS))
    return "\n".join([*lines, "# BLAST processed 1 queries", ""]).encode()


def addresses(search: str) -> list[str]:
    views = [f"/searches/{search}?view={view}" for view in VIEWS]
    return ["/new", "/searches", *views, "/databases", "/nodes"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_view_is_accessible(context: BrowserContext, server: Server, search: str, theme: str) -> None:
    page = context.new_page()
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    found = {}
    for address in addresses(search):
        page.goto(f"{server.url}{address}")
        if address == "/new":
            write_query(page, RNA)
            choose_database(page, "genes")
            expect(page.get_by_text("Ready to run")).to_be_visible()
        settled(page)
        found[address] = violations(page)

    assert {address: answer for address, answer in found.items() if answer} == {}


@pytest.fixture
def fragile(tmp_path: Path, served: dict[str, Path]) -> Iterator[Server]:
    """A service with a database that a test may break."""
    shutil.copytree(served["proteins"].parent, tmp_path / "copied")
    one = serving(tmp_path / "home", {"proteins": tmp_path / "copied" / "proteins"})
    yield one
    one.close()


def test_searches_that_run_or_failed_are_accessible(page: Page, fragile: Server, tmp_path: Path) -> None:
    many = "".join(one.fasta for one in real("proteins")[::3] if one.letters)
    found = fragile.submit("blastp", "proteins", many)["id"]
    pid = hold(fragile, found)
    page.goto(f"{fragile.url}/searches/{found}")
    expect(page.locator(".search-head .state")).to_contain_text("running")
    assert violations(page) == []

    for file in (tmp_path / "copied").iterdir():
        file.unlink()
    os.kill(pid, signal.SIGCONT)

    expect(page.get_by_text("The search failed")).to_be_visible()
    assert violations(page) == []


def settled(page: Page) -> None:
    page.wait_for_load_state()
    expect(page.get_by_text("Loading…")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def violations(page: Page) -> list[str]:
    """Return what breaks WCAG 2.2 AA, or what axe holds for good practice."""
    page.evaluate(AXE.read_text())
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    result: dict[str, Any] = page.evaluate("tags => axe.run({runOnly: tags})", tags)
    return [f"{one['id']}: {[node['target'] for node in one['nodes'][:3]]}" for one in result["violations"]]


def test_dialogs_and_menus_are_accessible(page: Page, server: Server, search: str) -> None:
    page.goto(f"{server.url}/searches/{search}")
    page.get_by_text("Download", exact=True).click()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="SAM 17")).to_be_hidden()
    page.get_by_role("button", name="Share").click()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Share")).to_be_focused()
    page.goto(f"{server.url}/databases")
    page.get_by_role("button", name="Add a database").click()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_nothing_is_wider_than_a_phone(context: BrowserContext, server: Server, search: str) -> None:
    page = context.new_page()
    page.set_viewport_size({"width": 360, "height": 740})
    wide = {}
    for address in addresses(search):
        page.goto(f"{server.url}{address}")
        settled(page)
        wide[address] = page.evaluate("document.documentElement.scrollWidth - innerWidth")

    assert {address: excess for address, excess in wide.items() if excess > 0} == {}


def test_the_theme_is_kept(page: Page, server: Server) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(f"{server.url}/nodes")
    choice = page.get_by_label("Theme")
    assert choice.get_by_role("option").all_inner_texts() == ["System", "Light", "Dark"]
    schemes = []
    for theme in ("Dark", "Light", "System"):
        choice.select_option(theme)
        page.emulate_media(color_scheme="light" if theme == "Dark" else "dark")
        page.reload()
        expect(choice.locator("option:checked")).to_have_text(theme)
        schemes.append(page.evaluate("getComputedStyle(document.documentElement).colorScheme"))

    assert schemes == ["dark", "light", "light dark"]


def test_fifty_thousand_hsps_are_few_elements(page: Page, server: Server, large: str) -> None:
    page.goto(f"{server.url}/searches/{large}?sort=bit_score")
    rows = page.get_by_role("table", name="Descriptions").get_by_role("row")
    expect(rows.nth(20)).to_be_visible()
    show(page, "Graphic summary")
    expect(page.locator(".graphic a").nth(10)).to_be_visible()
    drawn = page.locator(".graphic rect").count()
    page.locator(".graphic").evaluate("element => element.scrollTo(0, element.scrollHeight)")
    last = page.locator(f".graphic a[href*='hit={HITS - 1}']")
    expect(last).to_be_visible()
    last.click()

    expect(page.get_by_role("heading", name=f"id{HITS - 1}", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name=f"HSP 1 of {HSPS_EACH}")).to_be_visible()
    assert drawn < 2000
    assert page.evaluate("document.querySelectorAll('*').length") < 3000


def test_input_that_is_not_fasta_is_reported_before_it_is_sent(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/new")
    write_query(page, ">\n!!!")
    choose_database(page, "genes")

    expect(page.get_by_text("to fix")).to_be_visible()
    expect(page.get_by_role("button", name="BLAST")).to_be_disabled()


def test_a_wrong_option_is_reported_beside_its_field(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/new")
    write_query(page, RNA)
    choose_database(page, "genes")
    field = page.get_by_role("textbox", name="Expect threshold")
    field.fill("many")

    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#option-evalue-help")).to_contain_text("-evalue: 'many' is not of type Real.")
    page.get_by_role("button", name="Reset Expect threshold").click()
    expect(page.get_by_text("Ready to run")).to_be_visible()


def test_proteins_are_not_searched_with_blastn(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/new")
    write_query(page, real("proteins")[3].fasta)
    choose_database(page, "genes")

    expect(page.get_by_role("radio", name="blastn", exact=True)).to_be_disabled()
    expect(page.get_by_role("radio", name="tblastn", exact=True)).to_be_checked()
    expect(page.get_by_text("tblastn, because the queries look like protein")).to_be_visible()


def test_fifty_megabytes_are_pasted_at_once(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/new")
    page.get_by_role("textbox", name="Query", exact=True).evaluate(
        """field => {
          const data = new DataTransfer();
          data.setData("text/plain", ">large\\n" + "ACGTACGTA\\n".repeat(5e6));
          field.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
        }"""
    )
    choose_database(page, "genes")

    expect(page.get_by_text("Pasted text, 47.7 MiB")).to_be_visible()
    expect(page.locator(".counts")).to_contain_text("1 query · 45,000,000 bases")
    expect(page.get_by_text("Ready to run").or_(page.get_by_text("to fix"))).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("textbox", name="Query", exact=True)).to_have_value("")


def test_a_draft_outlives_the_page(page: Page, server: Server, context: BrowserContext) -> None:
    page.goto(f"{server.url}/new")
    write_query(page, RNA)
    choose_database(page, "genes")
    page.get_by_role("textbox", name="Expect threshold").fill("1e-7")
    page.goto("about:blank")

    again = context.new_page()
    again.goto(f"{server.url}/new")

    expect(again.get_by_role("textbox", name="Query", exact=True)).to_have_value(RNA)
    expect(again.get_by_label("Equivalent BLAST+ command")).to_have_text(
        "blastn -db genes -query query.fa -evalue 1e-7"
    )


def test_a_query_without_hits_says_so(page: Page, server: Server) -> None:
    new_search(page, server, ">nothing like it\n" + "ACGGTCAT" * 8, "genes")

    expect(page.get_by_text("No significant similarity found")).to_be_visible()


def test_the_page_of_a_missing_search_says_so(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/searches/{'0' * 32}")
    expect(page.get_by_text("There is no such search.")).to_be_visible()


def test_a_database_is_added_warmed_planned_and_removed(page: Page, server: Server, tmp_path: Path) -> None:
    source = tmp_path / "some.fa.gz"
    source.write_bytes(gzip.compress("".join(one.fasta for one in real("proteins")[:50] if one.letters).encode()))
    page.goto(f"{server.url}/databases")
    page.get_by_role("button", name="Add a database").click()
    page.get_by_text("FASTA", exact=True).click()
    page.get_by_role("textbox", name="Source").fill(str(source))
    page.get_by_role("textbox", name="Name").fill("some")
    page.get_by_role("button", name="Add", exact=True).click()
    row = page.get_by_role("row").filter(has_text="some")
    expect(row).to_contain_text("protein")
    expect(page.get_by_role("listitem").filter(has_text="Adding some")).to_contain_text("completed")

    def choose(action: str) -> None:
        row.get_by_label("Actions for some").click()
        row.get_by_role("button", name=action).click()

    choose("Warm")
    expect(page.get_by_role("listitem").filter(has_text="Warming some")).to_contain_text("completed")
    choose("Plan for nodes")
    expect(page.get_by_role("dialog")).to_contain_text("Fits.")
    page.keyboard.press("Escape")
    choose("Remove")
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()

    expect(row).to_have_count(0)


@pytest.fixture
def guarded(tmp_path: Path, served: dict[str, Path]) -> Iterator[Server]:
    """A service that requires tokens."""
    one = serving(tmp_path / "home", served, "--auth", "token")
    yield one
    one.close()


def test_a_token_signs_in_and_shows_only_its_owners_searches(page: Page, guarded: Server) -> None:
    ada, bob = (
        guarded.run("token", "create", name, "--owner", name, "--scope", "read", "--scope", "search").stdout.strip()
        for name in ("ada", "bob")
    )
    guarded.http.headers["Authorization"] = f"Bearer {bob}"
    his = guarded.submit("blastn", "genes", RNA, title="Of Bob")
    page.goto(f"{guarded.url}/searches/{his['id']}")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in with your organisation")).to_have_count(0)
    assert violations(page) == []

    page.get_by_label("API token").fill("sb_wrong")
    page.get_by_role("button", name="Sign in with this token").click()
    expect(page.get_by_text("This token is not valid.")).to_be_visible()
    page.get_by_label("API token").fill(ada)
    page.get_by_role("button", name="Sign in with this token").click()

    expect(page.get_by_text("There is no such search.")).to_be_visible()
    hers = new_search(page, guarded, RNA, "genes")
    expect(page.locator(".search-head .state")).to_contain_text("completed")
    page.get_by_text("Download", exact=True).click()
    with page.expect_download() as loaded:
        page.get_by_role("link", name="Tabular .tsv 6").click()
    guarded.http.headers["Authorization"] = f"Bearer {ada}"
    assert Path(loaded.value.path()).read_bytes() == guarded.result(hers, "6")
    page.get_by_role("link", name="Searches").click()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="Databases").click()
    expect(page.get_by_role("heading", name="Databases")).to_be_visible()
    expect(page.get_by_role("button", name="Add a database")).to_have_count(0)


def test_who_signed_in_with_a_token_is_known_in_every_tab_until_the_token_is_revoked(
    page: Page, context: BrowserContext, guarded: Server
) -> None:
    token = guarded.run("token", "create", "ada", "--owner", "ada").stdout.strip()
    token_id = guarded.run("token", "list").stdout.split()[0]
    page.goto(f"{guarded.url}/searches")
    page.get_by_label("API token").fill(token)
    page.get_by_role("button", name="Sign in with this token").click()
    expect(page.get_by_role("heading", name="Searches")).to_be_visible()

    other = context.new_page()
    other.goto(f"{guarded.url}/databases")
    expect(other.get_by_role("heading", name="Databases")).to_be_visible()
    assert token not in page.evaluate("document.cookie + JSON.stringify(sessionStorage) + JSON.stringify(localStorage)")

    guarded.run("token", "revoke", token_id)
    other.reload()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()


def test_who_signs_out_leaves_no_draft_and_no_session(page: Page, guarded: Server) -> None:
    token = guarded.run("token", "create", "ada", "--owner", "ada").stdout.strip()
    page.goto(f"{guarded.url}/new")
    page.get_by_label("API token").fill(token)
    page.get_by_role("button", name="Sign in with this token").click()
    write_query(page, RNA)
    page.reload()
    expect(page.get_by_role("textbox", name="Query", exact=True)).to_have_value(RNA)
    page.route("**/auth/logout", lambda route: route.abort())
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are still signed in: the service can't be reached.")).to_be_visible()
    page.unroute("**/auth/logout")

    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_label("API token")).to_be_visible()
    assert "shardblast.draft" not in page.evaluate("JSON.stringify(localStorage)")
    page.reload()
    expect(page.get_by_label("API token")).to_be_visible()
