"""The form of a new search: lists, the output, drafts and searches that are edited."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Request, Route, expect

from tests.databases import make_database
from tests.page.conftest import serving
from tests.page.steps import choose_database, submit, write_query
from tests.sequences import Sequence, real
from tests.service.server import Server
from tests.waiting import until

PROTEIN = real("proteins")[3].fasta
FILE_LETTERS = 500_000
"""Longer text is kept as a file."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, served: dict[str, Path]) -> Iterator[Server]:
    """A service with a database that has ids, too."""
    named = [Sequence(f"S{at}.1 one", one.letters) for at, one in enumerate(real("proteins")[:200])]
    database = make_database(tmp_path_factory.mktemp("named") / "named", "prot", named, "-parse_seqids")
    one = serving(tmp_path_factory.mktemp("service") / "home", {**served, "named": database})
    yield one
    one.close()


def command(page: Page) -> Locator:
    return page.get_by_label("Equivalent BLAST+ command")


def list_field(page: Page, label: str = "Only these ids") -> None:
    field = page.get_by_role("textbox", name=label, exact=True)
    if not field.is_visible():
        page.get_by_text("Lists of ids and taxids").click()
    expect(field).to_be_visible()


def test_a_list_restricts_a_search_and_is_kept_when_it_is_edited(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/new")
    write_query(page, PROTEIN)
    choose_database(page, "named")
    list_field(page)
    page.get_by_role("textbox", name="Only these ids", exact=True).fill("S3.1\nS4.1\n")
    expect(page.get_by_text("2 lines")).to_be_visible()
    expect(command(page)).to_have_text("blastp -db named -query query.fa -seqidlist seqidlist.txt")
    first = submit(page)

    server.ended(first)
    assert set(server.result(first, "6 saccver").decode().split()) == {"S3.1", "S4.1"}
    page.goto(f"{server.url}/new?from={first}")
    field = page.get_by_role("textbox", name="Only these ids", exact=True)
    expect(field).to_have_value("S3.1\nS4.1\n")
    page.get_by_role("textbox", name="Expect threshold").fill("1e-5")
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    page.reload()

    expect(page.get_by_role("textbox", name="Expect threshold")).to_have_value("1e-5")
    expect(field).to_have_value("S3.1\nS4.1\n")
    second = submit(page)
    assert server.search(second)["options"] == ["-evalue", "1e-5", "-seqidlist", "seqidlist.txt"]
    assert server.http.get(f"/searches/{second}/lists/seqidlist").text == "S3.1\nS4.1\n"


def test_a_list_may_be_a_file_and_its_problems_are_reported_beside_it(
    page: Page, server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "taxids.txt"
    path.write_text("9606\nhuman\n")
    page.goto(f"{server.url}/new")
    write_query(page, PROTEIN)
    choose_database(page, "named")
    list_field(page, "Only the listed taxids")

    page.get_by_label("Choose a file: Only the listed taxids").and_(page.locator("input")).set_input_files(path)

    field = page.get_by_role("textbox", name="Only the listed taxids", exact=True)
    expect(field).to_have_value("9606\nhuman\n")
    expect(page.locator("#list-taxidlist-help")).to_contain_text("Line 2 is not a taxid.")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("button", name="BLAST")).to_be_disabled()


def test_a_list_and_a_query_may_be_packed_files(page: Page, server: Server, tmp_path: Path) -> None:
    (tmp_path / "ids").write_bytes(gzip.compress(b"S3.1\nS4.1\n"))
    (tmp_path / "query").write_bytes(gzip.compress(PROTEIN.encode()))
    page.goto(f"{server.url}/new")
    choose_database(page, "named")
    list_field(page)

    for label, name in (("Choose a file…", "query"), ("Choose a file: Only these ids", "ids")):
        page.get_by_label(label, exact=True).and_(page.locator("input")).set_input_files(tmp_path / name)

    expect(page.get_by_text("The service counts the lines.")).to_be_visible()
    page.get_by_role("radio", name="blastp", exact=True).check()
    found = submit(page)
    assert server.http.get(f"/searches/{found}/lists/seqidlist").text == "S3.1\nS4.1\n"
    assert server.ended(found)["letters"] == server.ended(server.submit("blastp", "named", PROTEIN)["id"])["letters"]


def test_a_long_list_and_a_long_query_are_restored_when_an_edited_search_is_loaded_again(
    page: Page, server: Server
) -> None:
    ids = "".join(f"S{at % 200}.1\n" for at in range(FILE_LETTERS // 6))
    query = ">long\n" + "M" * 20 + "\n" + "".join(one.fasta for one in real("proteins") if one.letters) * 4
    assert len(query) > FILE_LETTERS
    old = server.submit("blastp", "named", query, {"evalue": 1e-30}, lists={"negative_seqidlist": ids})["id"]
    server.http.post(f"/searches/{old}/cancel")

    page.goto(f"{server.url}/new?from={old}")
    expect(page.get_by_text(re.compile("^Edited from an earlier search, "))).to_have_count(2)
    page.get_by_role("textbox", name="Title").fill("Edited")
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    page.reload()

    expect(page.get_by_text(re.compile("^Edited from an earlier search, "))).to_have_count(2)
    expect(page.get_by_role("textbox", name="Title")).to_have_value("Edited")
    expect(command(page)).to_contain_text("-negative_seqidlist negative_seqidlist.txt")


def test_the_output_is_part_of_the_command_and_the_default_download(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/new")
    write_query(page, PROTEIN)
    choose_database(page, "proteins")
    page.get_by_label("Format").select_option("6: Tabular")
    page.get_by_role("textbox", name="Columns of tables").fill("std qlen")
    expect(command(page)).to_have_text("blastp -db proteins -query query.fa -outfmt '6 std qlen'")
    found = submit(page)
    expect(page.locator(".search-head .state")).to_contain_text("completed")

    with page.expect_download() as loaded:
        page.get_by_role("link", name="Download as Tabular").click()

    assert Path(loaded.value.path()).read_bytes() == server.result(found, "6 std qlen")
    page.get_by_label("Actions for").click()
    page.get_by_role("link", name="Edit and resubmit").click()
    expect(page.locator("form.new")).to_have_attribute("aria-busy", "false")
    expect(page.get_by_role("textbox", name="Columns of tables")).to_have_value("std qlen")
    page.get_by_label("Format").select_option("0: Pairwise")
    page.get_by_role("textbox", name="Alignments").fill("3")
    printing = "-outfmt 11 -out search.asn && blast_formatter -archive search.asn -num_alignments 3"
    expect(command(page)).to_have_text(re.compile(re.escape(printing) + "$"))
    page.get_by_role("textbox", name="Alignments").fill("0x")
    expect(page.locator("#output-num_alignments-help")).to_have_class("mend")


def test_changing_the_title_does_not_send_the_query_again(page: Page, server: Server) -> None:
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("/preflight"):
            sent.append(request.url)

    page.on("request", note)
    page.goto(f"{server.url}/new")
    write_query(page, PROTEIN)
    choose_database(page, "proteins")
    expect(page.get_by_role("button", name="BLAST")).to_be_enabled()
    before = len(sent)

    page.get_by_role("textbox", name="Title").fill("Named late")
    found = submit(page)

    assert len(sent) == before
    assert server.search(found)["title"] == "Named late"


def test_an_invalid_draft_is_dropped_with_a_message(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/new")
    expect(page.get_by_role("heading", name="New search")).to_be_visible()
    owner = server.http.get("/me").json()["owner"]
    page.goto(f"{server.url}/searches")
    spoilt = '{"values": 3, "text": "ACGT"}'
    page.evaluate("([key, value]) => localStorage.setItem(key, value)", [f"shardblast.draft {owner}", spoilt])

    page.goto(f"{server.url}/new")

    expect(page.get_by_text("could not be read and was discarded")).to_be_visible()
    expect(page.get_by_role("textbox", name="Query", exact=True)).to_have_value("")


def test_a_draft_asks_again_for_files_that_it_does_not_keep(page: Page, server: Server, tmp_path: Path) -> None:
    path = tmp_path / "one.fa"
    path.write_text(PROTEIN)
    page.goto(f"{server.url}/new")
    page.get_by_label("Choose a file…", exact=True).and_(page.locator("input")).set_input_files(path)
    expect(page.get_by_text("one.fa, ")).to_be_visible()
    page.evaluate("dispatchEvent(new Event('pagehide'))")

    page.reload()

    expect(page.get_by_text("Please choose these files again, since drafts don't save files: Query.")).to_be_visible()


def test_databases_are_shown_with_their_properties(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/new")
    one = next(one for one in server.http.get("/databases").json() if one["name"] == "genes")

    choice = page.get_by_role("radiogroup", name="Database").locator("label", has_text="genes")

    for shown in (one["title"], f"updated {one['date']}", f"{one['num_seqs']} sequences", "in memory"):
        expect(choice).to_contain_text(shown)


def test_a_copy_is_made_without_the_clipboard_of_https(context: BrowserContext, server: Server) -> None:
    context.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page = context.new_page()
    page.goto(f"{server.url}/new")
    write_query(page, PROTEIN)
    choose_database(page, "named")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied")).to_be_visible()

    write_query(page, "")
    page.get_by_role("textbox", name="Query", exact=True).press("Control+v")

    expect(page.get_by_role("textbox", name="Query", exact=True)).to_have_value("blastp -db named -query query.fa")


def test_a_search_whose_answer_was_lost_to_a_reload_is_offered(page: Page, server: Server) -> None:
    queued = []

    def swallow(route: Route) -> None:
        queued.append(route.fetch().json()["id"])  # it arrives, and its answer does not

    page.goto(f"{server.url}/new")
    write_query(page, PROTEIN)
    choose_database(page, "named")
    expect(page.get_by_text("Ready to run")).to_be_visible()
    page.route(re.compile(r"/api/v1/searches$"), swallow)
    page.get_by_role("button", name="BLAST").click()
    expect(page.get_by_role("button", name="Submitting")).to_be_visible()
    until(lambda: page.title() and queued)  # asking the page lets the route be handled

    page.reload()

    expect(
        page.get_by_text("Your last search was submitted before the page was reloaded: blastp in named.")
    ).to_be_visible()
    page.get_by_role("button", name="Open it").click()
    page.wait_for_url(re.compile(f"/searches/{queued[0]}"))
    page.goto(f"{server.url}/new")
    expect(page.get_by_role("textbox", name="Query", exact=True)).to_be_visible()
    expect(page.get_by_text("Your last search was submitted")).to_have_count(0)
