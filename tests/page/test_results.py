"""Results: filtered, selected, downloaded, with the subjects' sequences and organisms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, ViewportSize, expect

from tests.databases import make_database
from tests.page.conftest import serving
from tests.page.steps import download, download_hits
from tests.page.test_manners import violations
from tests.sequences import Sequence, changed, real
from tests.service.server import Server
from tests.taxonomy import write_names, write_taxonomy

RNA = real("16s-queries")[0].fasta + real("16s-queries")[1].fasta + real("16s-queries")[2].fasta
GENE = real("16s")[0]
PROTEIN = real("proteins")[3].fasta
TAXIDS = (511145, 83333, 9606, 10090)


@pytest.fixture(scope="module")
def search(server: Server) -> str:
    """A completed search of three queries."""
    found = server.submit("blastn", "genes", RNA, title="Three genes of 16S rRNA")
    server.ended(found["id"])
    return str(found["id"])


def test_hits_are_filtered_and_the_address_keeps_it(
    page: Page, context: BrowserContext, server: Server, search: str
) -> None:
    page.goto(f"{server.url}/searches/{search}")
    rows = page.get_by_role("table", name="Descriptions").get_by_role("row")
    expect(rows.nth(5)).to_be_visible()
    found = server.http.get(f"/searches/{search}/hits", params={"limit": 1000}).json()["rows"]
    least = sorted(row["identity"] for row in found)[-6]
    wanted = [row["subject"] for row in found if row["identity"] >= least and row["coverage"] >= 50]

    page.get_by_role("textbox", name="Identity % at least").fill(str(least))
    page.get_by_role("textbox", name="Cover % at least").press_sequentially("50")

    expect(page.get_by_text(f"{len(wanted)} of {len(found)} hits")).to_be_visible()
    expect(rows).to_have_count(len(wanted) + 1)
    assert f"identity={least}&coverage=50" in page.url
    assert violations(page) == []
    again = context.new_page()
    again.goto(page.url)
    expect(again.get_by_role("textbox", name="Cover % at least")).to_have_value("50")
    shown = again.get_by_role("table", name="Descriptions").get_by_role("row")
    expect(shown).to_have_count(len(wanted) + 1)
    assert [row.get_by_role("link").inner_text() for row in shown.all()[1:]] == wanted
    again.get_by_role("button", name="Clear the filter").click()
    expect(again.get_by_text(f"{len(found)} hits", exact=True)).to_be_visible()
    again.get_by_role("textbox", name="E value at most").fill("1e-500")
    expect(
        again.get_by_role("table", name="Descriptions").or_(again.get_by_text("No hits match the filter."))
    ).to_be_visible()


def test_selected_hits_are_saved_as_blast_prints_them_and_as_whole_sequences(
    page: Page, server: Server, search: str
) -> None:
    page.goto(f"{server.url}/searches/{search}")
    rows = page.get_by_role("table", name="Descriptions").get_by_role("row")
    for place in (2, 4, 5):
        rows.nth(place).get_by_role("checkbox").check()

    table = download_hits(page, "Download 3 selected", "Tabular .tsv 6")
    text = download_hits(page, "Download 3 selected", "Pairwise .txt 0")
    fasta = download_hits(page, "Download 3 selected", "Full sequences (FASTA)")

    assert table == server.result(search, "6", query=0, hit="1,3-4")
    assert text == server.result(search, "0", query=0, hit="1,3-4")
    subjects = list(dict.fromkeys(line.split(b"\t")[1].decode() for line in table.splitlines()))
    known = {one.title.split()[0]: one.letters for one in real("16s")[:150]}
    records = [record.partition("\n") for record in fasta.decode().split(">")[1:]]
    assert [title.split()[0] for title, _, _ in records] == subjects
    assert [letters.replace("\n", "") for _, _, letters in records] == [known[one] for one in subjects]


def test_hits_that_fit_a_filter_are_saved_if_none_is_selected(page: Page, server: Server, search: str) -> None:
    found = server.http.get(f"/searches/{search}/hits", params={"limit": 1000}).json()["rows"]
    page.goto(f"{server.url}/searches/{search}?text={found[6]['subject']}")
    expect(page.get_by_text(f"1 of {len(found)} hits")).to_be_visible()

    assert download_hits(page, "Download hits", "BLAST XML .xml 5") == server.result(search, "5", query=0, hit=6)


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with a database of 5,000 subjects that a query finds; one in three says so."""
    folder = tmp_path_factory.mktemp("crowded")
    subjects = [
        Sequence(f"s{number} {'a third' if number % 3 == 2 else 'another'}", GENE.letters[:90])
        for number in range(5000)
    ]
    one = serving(folder / "home", {"crowd": make_database(folder / "db", "nucl", subjects, "-parse_seqids")})
    yield one
    one.close()


def test_thousands_of_separate_hits_are_saved(page: Page, crowded: Server) -> None:
    query = f">q\n{GENE.letters[:90]}\n"
    found = crowded.submit("blastn", "crowd", query, "-max_target_seqs 5000", title="A crowd")["id"]
    crowded.ended(found)
    printed = crowded.result(found, "6 std sseq stitle").decode().splitlines()
    rows = [line.split("\t") for line in printed if line.endswith("another")]
    page.goto(f"{crowded.url}/searches/{found}?text=another")
    expect(page.get_by_text(f"{len(rows):,} of 5,000 hits")).to_be_visible()

    page.get_by_role("button", name="Select all").click()
    menu = f"Download {len(rows):,} selected"
    table = download_hits(page, menu, "Tabular .tsv 6").decode()
    text = download_hits(page, menu, "Pairwise .txt 0").decode()
    whole = download_hits(page, menu, "Full sequences (FASTA)").decode()
    aligned = download_hits(page, menu, "Aligned FASTA").decode()

    subjects = [row[1] for row in rows]
    assert [line.split("\t") for line in table.splitlines()] == [row[:12] for row in rows]
    assert [line[1:].split()[0] for line in text.splitlines() if line.startswith(">")] == subjects
    assert [record.split()[0] for record in whole.split(">")[1:]] == subjects
    records = [record.partition("\n") for record in aligned.split(">")[1:]]
    assert [title for title, _, _ in records] == [f"{row[1]}:{row[8]}-{row[9]} another" for row in rows]
    assert [letters.replace("\n", "") for _, _, letters in records] == [row[12] for row in rows]


def test_the_slowest_data_is_read_before_its_view_is_opened(page: Page, server: Server, search: str) -> None:
    with page.expect_response(re.compile("/spans.query=1&")):
        page.goto(f"{server.url}/searches/{search}?query=1")
    expect(page.get_by_role("table", name="Descriptions")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))

    page.get_by_role("navigation", name="Three genes").get_by_role("link", name="Distribution").click()

    expect(page.locator(".plot").first).to_be_visible()
    assert [url for url in asked if "/spans" in url] == []


def test_selected_queries_are_saved(page: Page, server: Server, search: str) -> None:
    page.goto(f"{server.url}/searches/{search}")
    queries = page.get_by_role("navigation", name="Queries")
    for place in (0, 2):
        box = queries.get_by_role("checkbox").nth(place)
        box.click()  # the address has it, and the box a little later
        expect(box).to_be_checked()
    expect(page).to_have_url(re.compile("selected=0%2C2"))
    page.get_by_text("Download", exact=True).click()
    page.get_by_role("radio", name="Selected (2)").check()
    page.keyboard.press("Escape")

    assert download(page, "JSON 15") == server.result(search, "15", query="0,2")


def test_a_subject_is_shown_on_request(page: Page, server: Server, search: str) -> None:
    page.goto(f"{server.url}/searches/{search}?view=alignments&hit=2")
    hit = server.http.get(f"/searches/{search}/hits", params={"after": 2, "limit": 1}).json()["rows"][0]
    letters = next(one.letters for one in real("16s")[:150] if one.title.split()[0] == hit["subject"])
    part = page.get_by_role("region", name="Subject sequence")
    expect(part.locator("pre")).to_have_count(0)

    part.get_by_role("button", name="Full length").click()

    expect(part.locator("pre")).to_contain_text(f">{hit['subject']}")
    assert part.locator("pre").inner_text().partition("\n")[2].replace("\n", "") == letters
    part.get_by_role("spinbutton", name="to").fill("40")
    expect(part.locator("pre")).to_contain_text(f">{hit['subject']}:1-40")
    part.get_by_role("spinbutton", name="From").fill("")
    part.get_by_role("spinbutton", name="From").fill("11")
    expect(part.locator("pre")).to_contain_text(letters[10:40])
    part.get_by_role("combobox", name="Strand").select_option("Minus")
    expect(part.locator("pre")).to_contain_text(f">{hit['subject']}:c40-11")
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("spinbutton", name="Hit").fill("")
    expect(page.get_by_role("heading", name=hit["subject"], exact=True)).to_be_visible()


def test_positives_are_those_of_the_matrix_that_was_used(page: Page, server: Server) -> None:
    found = server.submit("blastp", "proteins", PROTEIN, "-matrix PAM250 -evalue 1000")["id"]
    server.ended(found)
    xml = server.result(found, "5").decode()
    hits = [re.findall("<Hsp_midline>(.*)</Hsp_midline>", one) for one in xml.split("<Hit>")[1:]]
    hit, midline = next((rank, one[0]) for rank, one in enumerate(hits) if "+" in one[0][:60])

    page.goto(f"{server.url}/searches/{found}?view=alignments&hit={hit}")

    expect(page.locator(".alignment .middle").first).to_have_text(midline[:60])


@pytest.fixture(scope="module")
def organisms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with a database of four organisms, whose lineages are known."""
    folder = tmp_path_factory.mktemp("organisms")
    sequences = [changed(GENE, "nucl", share=number % 5 / 50, seed=number, title=f"s{number}") for number in range(24)]
    (folder / "map").write_text("".join(f"s{number} {TAXIDS[number % 4]}\n" for number in range(len(sequences))))
    database = make_database(folder / "db", "nucl", sequences, "-parse_seqids", "-taxid_map", str(folder / "map"))
    one = serving(folder / "home", {"organisms": database})
    write_taxonomy(folder / "home" / "taxonomy")
    write_names(folder / "home" / "taxonomy")
    yield one
    one.close()


def test_organisms_are_a_tree_that_leads_to_their_hits(page: Page, organisms: Server) -> None:
    found = organisms.submit("blastn", "organisms", GENE.fasta)["id"]
    hits = organisms.ended(found)["hits"]
    page.goto(f"{organisms.url}/searches/{found}?view=taxonomy")
    tree = page.get_by_role("treegrid", name="Taxonomy")
    coli = tree.get_by_role("row", name="Escherichia coli")
    expect(coli.first).to_be_visible()
    assert violations(page) == []
    report = organisms.http.get(f"/searches/{found}/organisms").json()["rows"]
    below = next(row["hits"] for row in report if row["taxid"] == 562)
    assert 0 < below < hits
    expect(tree.get_by_role("row")).to_have_count(len(report) + 1)

    tree.focus()
    page.keyboard.press("Home")
    while "Escherichia coli" not in page.locator(".organisms .tr.chosen").inner_text():
        page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    expect(tree.get_by_role("row")).to_have_count(len(report) - 1)
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile("organism=562"))
    expect(page.get_by_text(f"{below} of {hits} hits")).to_be_visible()
    expect(page.get_by_role("searchbox", name="Organism or taxid")).to_have_value("562")


def test_organisms_without_lineages_are_a_list_that_says_why(page: Page, tmp_path: Path) -> None:
    (tmp_path / "map").write_text("s0 9606\ns1 562\n")
    sequences = [changed(GENE, "nucl", share=0.01, seed=number, title=f"s{number}") for number in range(2)]
    database = make_database(tmp_path / "db", "nucl", sequences, "-parse_seqids", "-taxid_map", str(tmp_path / "map"))
    own = serving(tmp_path / "home", {"two": database})
    try:
        found = own.submit("blastn", "two", GENE.fasta)["id"]
        own.ended(found)
        page.goto(f"{own.url}/searches/{found}?view=taxonomy")

        expect(page.get_by_text("taxonomy4blast.sqlite3")).to_be_visible()
        expect(page.get_by_text("taxid 9606")).to_be_visible()
        assert violations(page) == []
    finally:
        own.close()


def test_readers_of_a_link_get_no_links_to_other_pages(page: Page, server: Server, search: str) -> None:
    token = server.http.post(f"/searches/{search}/share").json()["token"]
    page.goto(f"{server.url}/searches/{search}?share={token}&view=alignments")
    page.get_by_role("button", name="Full length").click()

    expect(page.locator("pre.letters")).to_contain_text(">")
    expect(page.get_by_text("shardblast", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="shardblast", exact=True)).to_have_count(0)


SMALL = ({"width": 680, "height": 450}, {"width": 390, "height": 664}, {"width": 910, "height": 430})
"""In CSS pixels: 1360 by 900 at 200 %, a phone with the bars of its browser, a laptop at 150 %."""


@pytest.mark.parametrize("size", SMALL, ids=lambda size: f"{size['width']}x{size['height']}")
def test_alignments_can_be_read_in_small_windows(page: Page, server: Server, search: str, size: ViewportSize) -> None:
    page.set_viewport_size(size)

    page.goto(f"{server.url}/searches/{search}?view=alignments&query=0")
    letters = page.locator(".alignment").first
    letters.scroll_into_view_if_needed()

    expect(letters).to_be_in_viewport()
    box = page.locator(".hsps").bounding_box()
    assert box is not None
    assert box["height"] >= 0.5 * size["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert violations(page) == []
