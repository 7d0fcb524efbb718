"""From a query to a file of its hits, in a browser."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.page.conftest import serving
from tests.page.steps import (
    choose_database,
    download,
    download_hits,
    hold,
    new_search,
    search_id,
    show,
    submit,
    write_query,
)
from tests.sequences import gene, real
from tests.service.server import Server
from tests.waiting import until

RNA = real("16s-queries")[0].fasta + real("16s-queries")[1].fasta
PROTEIN = real("proteins")[3].fasta
GENE = gene(real("proteins")[3]).fasta
MANY = "".join(one.fasta for one in real("proteins")[::3] if one.letters)
SOME = "".join(one.fasta for one in real("proteins")[::40] if one.letters)
PROGRAMS = {
    "blastn": (RNA, "genes"),
    "blastp": (PROTEIN, "proteins"),
    "blastx": (GENE, "proteins"),
    "tblastn": (PROTEIN, "genes"),
    "tblastx": (GENE, "genes"),
}


@pytest.mark.parametrize(
    "program", [pytest.param(one, marks=[pytest.mark.full] * (one in ("blastp", "tblastn"))) for one in PROGRAMS]
)
def test_a_search_is_submitted_watched_read_and_downloaded(page: Page, server: Server, program: str) -> None:
    query, database = PROGRAMS[program]
    page.goto(f"{server.url}/new")
    write_query(page, query)
    choose_database(page, database)
    if program == "tblastx":  # blastn is what follows from these molecules
        page.get_by_role("radiogroup", name="Program").get_by_text("tblastx").click()
    expect(page.get_by_label("Equivalent BLAST+ command")).to_have_text(f"{program} -db {database} -query query.fa")

    found = submit(page)

    expect(page.locator(".search-head .state")).to_contain_text("completed")
    rows = page.get_by_role("table", name="Descriptions").get_by_role("row")
    table = server.result(found, "6 saccver qstart", query=0).decode().splitlines()
    first = table[0].split("\t")[0]
    expect(rows.nth(1)).to_contain_text(first)
    rows.nth(1).get_by_role("link").click()
    expect(page.get_by_role("heading", name=first, exact=True)).to_be_visible()
    expect(page.get_by_role("region", name=re.compile("^HSP 1 of"))).to_contain_text("Sbjct")
    assert download(page, "Tabular .tsv 6") == server.result(found, "6")


def test_hits_are_those_of_the_table_in_its_order(page: Page, server: Server) -> None:
    found = new_search(page, server, RNA, "genes")
    table = server.ended(found) and server.result(found, "6 saccver", query=0).decode().split()
    subjects = list(dict.fromkeys(table))

    rows = page.get_by_role("table", name="Descriptions").get_by_role("row")
    expect(rows.nth(10)).to_be_visible()
    shown = [row.get_by_role("link").inner_text() for row in rows.all()[1:11]]
    page.get_by_role("button", name="Identity").click()
    expect(page).to_have_url(re.compile("sort=identity"))
    best = server.http.get(f"/searches/{found}/hits", params={"sort": "identity", "limit": 1}).json()["rows"][0]

    assert shown == subjects[:10]
    expect(rows.nth(1)).to_contain_text(best["subject"])
    page.get_by_role("searchbox", name="Find in ids and titles").fill(subjects[4])
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text(subjects[4])


def test_an_address_restores_the_view(page: Page, context: BrowserContext, server: Server) -> None:
    new_search(page, server, RNA, "genes")
    second = page.get_by_role("navigation", name="Queries").get_by_role("link").nth(1)
    second.click()
    expect(second).to_have_attribute("aria-current", "true")
    page.get_by_role("table", name="Descriptions").get_by_role("row").nth(3).get_by_role("link").click()
    title = page.locator("article article h2").inner_text()

    other = context.new_page()
    other.goto(page.url)

    assert "query=1" in page.url
    assert "hit=2" in page.url
    expect(other.get_by_role("heading", name=title, exact=True)).to_be_visible()
    expect(other.get_by_role("spinbutton", name="Hit")).to_have_value("3")


def test_the_graphic_summary_leads_to_alignments(page: Page, server: Server) -> None:
    new_search(page, server, RNA, "genes")
    expect(page.locator(".search-head .state")).to_contain_text("completed")
    show(page, "Graphic summary")
    page.get_by_role("button", name="Zoom in").click()
    expect(page).to_have_url(re.compile("left=.*right="))

    page.locator(".graphic a").nth(4).click()

    expect(page.get_by_role("spinbutton", name="Hit")).to_have_value("5")
    page.keyboard.press("j")
    expect(page.get_by_role("spinbutton", name="Hit")).to_have_value("6")
    page.keyboard.press("k")
    expect(page.get_by_role("spinbutton", name="Hit")).to_have_value("5")
    page.keyboard.press("k")
    expect(page.get_by_role("spinbutton", name="Hit")).to_have_value("4")


def test_selected_hits_are_saved_as_csv_and_aligned_fasta(page: Page, server: Server) -> None:
    found = new_search(page, server, RNA, "genes")
    rows = page.get_by_role("table", name="Descriptions").get_by_role("row")
    rows.nth(2).get_by_role("checkbox").check()
    rows.nth(4).get_by_role("checkbox").check()

    def saved(button: str) -> str:
        return download_hits(page, "Download 2 selected", button).decode()

    hits = server.http.get(f"/searches/{found}/hits", params={"limit": 4}).json()["rows"]
    table = saved("CSV").splitlines()
    assert table[0].startswith("subject,title,")
    assert [line.split(",")[0] for line in table[1:]] == [hits[1]["subject"], hits[3]["subject"]]
    hsp = server.http.get(f"/searches/{found}/hsps", params={"hit": 1}).json()["rows"][0]
    title, *letters = saved("Aligned FASTA").split(">")[1].splitlines()
    assert title.startswith(f"{hits[1]['subject']}:{hsp['subject_start']}-{hsp['subject_end']} ")
    assert "".join(letters) == hsp["subject_row"].replace("-", "")


def test_a_running_search_is_cancelled_and_run_again(page: Page, server: Server, tmp_path: Path) -> None:
    path = tmp_path / "many.fa.gz"
    path.write_bytes(gzip.compress(MANY.encode()))
    page.goto(f"{server.url}/new")
    page.get_by_label("Choose a file…", exact=True).and_(page.locator("input")).set_input_files(path)
    choose_database(page, "proteins")
    found = submit(page)
    hold(server, found)
    expect(page.locator(".search-head .state")).to_contain_text("running")

    with page.expect_response(re.compile("/cancel$")):  # which comes when what was held has ended
        page.get_by_role("button", name="Cancel").click()

    expect(page.locator(".search-head .state")).to_contain_text("cancelled")
    expect(page.get_by_text("The search was cancelled")).to_be_visible()
    assert server.search(found)["state"] == "cancelled"
    page.get_by_role("button", name="Run again").click()
    expect(page.get_by_text("attempt 2")).to_be_visible()
    hold(server, found)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".search-head .state")).to_contain_text("cancelled")


def test_a_page_continues_after_the_service_was_unreachable(
    page: Page, served: dict[str, Path], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    own = serving(tmp_path / "home", served)
    request.addfinalizer(own.close)
    found = own.submit("blastp", "proteins", SOME)["id"]
    hold(own, found)
    page.goto(f"{own.url}/searches/{found}")
    expect(page.locator(".search-head .state")).to_contain_text("running")

    own.kill()

    expect(page.get_by_text("Connection lost.")).to_be_visible()
    own.start()
    expect(page.get_by_text("Connection lost.")).to_be_hidden()
    expect(page.locator(".search-head .state")).to_contain_text("completed")


def test_the_list_follows_changes(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/searches")
    expect(page.get_by_role("heading", name="Searches")).to_be_visible()
    found = server.submit("blastn", "genes", RNA, title="Submitted by a program")
    row = page.get_by_role("row").filter(has_text="Submitted by a program")
    expect(row).to_contain_text("✓ completed")

    row.get_by_label("Actions for").click()
    row.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row).to_have_count(1)
    row.get_by_label("Actions for").click()
    row.get_by_role("button", name="Delete").click()
    page.goto("about:blank")  # who leaves has not undone it

    until(lambda: server.http.get(f"/searches/{found['id']}").status_code == 404)
    page.goto(f"{server.url}/searches?text=Submitted%20by")
    expect(page.get_by_text("No matching searches.")).to_be_visible()


def test_a_search_is_edited_and_submitted_again(page: Page, server: Server) -> None:
    query = real("proteins")[7].fasta
    old = server.submit("blastp", "proteins", query, {"evalue": 1e-5, "task": "blastp-fast"}, title="First")
    page.goto(f"{server.url}/searches/{old['id']}")
    page.get_by_label("Actions for First").click()

    page.get_by_role("link", name="Edit and resubmit").click()
    expect(page.locator("form.new")).to_have_attribute("aria-busy", "false")
    page.get_by_role("textbox", name="Expect threshold").fill("1e-9")
    command = page.get_by_label("Equivalent BLAST+ command")
    expect(command).to_have_text("blastp -db proteins -query query.fa -evalue 1e-9 -task blastp-fast")
    new = submit(page)

    search = server.search(new)
    assert search["options"] == ["-evalue", "1e-9", "-task", "blastp-fast"]
    assert search["title"] == "First"
    assert server.http.get(f"/searches/{new}/query").text == query


def test_anyone_with_the_link_can_read_a_shared_search(page: Page, server: Server, context: BrowserContext) -> None:
    found = new_search(page, server, RNA, "genes")
    expect(page.locator(".search-head .state")).to_contain_text("completed")
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Create a link").click()
    link = page.get_by_role("dialog").get_by_role("textbox", name="Share").inner_text().strip()

    guest = context.new_page()
    guest.goto(link)

    expect(guest.get_by_role("table", name="Descriptions").get_by_role("row").nth(1)).to_be_visible()
    expect(guest.get_by_role("link", name="Searches")).to_have_count(0)
    show(guest, "Report")
    expect(guest.get_by_text("The result of every query is byte for byte what one unsharded")).to_be_visible()
    assert download(guest, "Tabular .tsv 6") == server.result(found, "6")
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("No links yet.")).to_be_visible()
    guest.reload()
    expect(guest.get_by_role("alert").or_(guest.locator(".empty"))).to_be_visible()


def test_a_search_needs_no_mouse(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/new")
    expect(page.get_by_role("textbox", name="Query", exact=True)).to_be_visible()

    def tab_to(is_there: Callable[[], bool]) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if is_there():
                return
        raise AssertionError("not reached by the keyboard")

    def focused(selector: str) -> Callable[[], bool]:
        return lambda: bool(page.evaluate("selector => document.activeElement.matches(selector)", selector))

    expect(page.get_by_role("radio", name=re.compile("^proteins "))).to_be_visible()
    tab_to(focused("textarea"))
    page.keyboard.insert_text(PROTEIN)
    tab_to(focused("input[name=database]"))
    page.keyboard.press("ArrowDown")  # to the second database: proteins
    expect(page.get_by_role("button", name="BLAST")).to_be_enabled()
    page.keyboard.press("Control+Enter")
    page.wait_for_url(re.compile("/searches/[0-9a-f]{32}"))
    expect(page.get_by_role("table", name="Descriptions").get_by_role("row").nth(1)).to_be_visible()
    tab_to(focused(".table.hits a"))
    page.keyboard.press("Enter")

    expect(page.get_by_role("region", name=re.compile("^HSP 1 of"))).to_be_visible()
    assert server.search(search_id(page))["program"] == "blastp"
