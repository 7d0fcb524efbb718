"""The page during and after searches: the list in any order, the log and the pieces."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.page.conftest import serving
from tests.page.steps import hold, show
from tests.sequences import real
from tests.service.server import Server

MANY = "".join(one.fasta for one in real("proteins")[::8] if one.letters)
ONE = real("proteins")[3].fasta


def titles(page: Page) -> list[str]:
    return [row.locator(".title").inner_text() for row in page.locator(".table.searches .tr").all()]


@pytest.fixture(scope="module")
def three(server: Server) -> dict[str, dict[str, Any]]:
    """Three searches by their titles."""
    queries = {"bee": real("proteins")[9].fasta, "ant": ONE, "Cat": ONE + real("proteins")[5].fasta}
    made = {title: server.submit("blastp", "proteins", query, title=title) for title, query in queries.items()}
    return {title: server.ended(search["id"]) for title, search in made.items()}


def test_the_list_is_sorted_by_its_columns_and_its_address_keeps_the_order(
    page: Page, server: Server, three: dict[str, dict[str, Any]]
) -> None:
    page.goto(f"{server.url}/searches")
    expect(page.locator(".table.searches .tr")).to_have_count(3)
    assert titles(page) == ["Cat", "ant", "bee"]

    page.get_by_role("columnheader").get_by_role("button", name="Search").click()
    expect(page.locator(".table.searches .tr .title").first).to_have_text("ant")
    assert titles(page) == ["ant", "bee", "Cat"]
    page.get_by_role("columnheader").get_by_role("button", name="Hits").click()
    expect(page).to_have_url(re.compile("by=hits&order=desc"))
    by_hits = sorted(three, key=lambda title: -three[title]["hits"])
    expect(page.locator(".table.searches .tr .title").first).to_have_text(by_hits[0])
    page.get_by_role("columnheader").get_by_role("button", name="Hits").click()
    expect(page).to_have_url(re.compile("by=hits&order=asc"))
    expect(page.locator(".table.searches .tr .title").first).to_have_text(by_hits[-1])
    page.reload()

    expect(page.locator(".table.searches .tr .title").first).to_have_text(by_hits[-1])
    expect(page.get_by_role("columnheader", name="Hits")).to_have_attribute("aria-sort", "ascending")


def test_a_list_in_another_order_shows_new_searches(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/searches?by=title&order=asc")
    expect(page.get_by_role("heading", name="Searches")).to_be_visible()

    server.ended(server.submit("blastp", "proteins", ONE, title="AAA first of all")["id"])

    expect(page.locator(".table.searches .tr .title").first).to_have_text("AAA first of all")
    expect(page.locator(".table.searches .tr").first).to_contain_text("completed")


def test_pieces_are_shown_while_they_run_and_the_log_records_the_events(
    page: Page, served: dict[str, Path], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    own = serving(tmp_path / "home", served)
    request.addfinalizer(own.close)
    found = own.submit("blastp", "proteins", MANY)["id"]
    pid = hold(own, found)
    page.goto(f"{own.url}/searches/{found}")
    show(page, "Progress")

    expect(page.locator(".piece.running").first).to_be_visible()
    expect(page.get_by_text("Running now:")).to_be_visible()
    expect(page.locator(".log")).to_contain_text("Submitted: blastp in proteins")
    os.kill(pid, signal.SIGCONT)
    own.ended(found)
    expect(page.locator(".log")).to_contain_text("Completed")

    expect(page.locator(".piece.running")).to_have_count(0)
    expect(page.locator(".log li")).to_have_count(len(own.http.get(f"/searches/{found}/log").json()))
    begun = [one for one in own.search(found)["phases"] if one["started"] is not None]
    expect(page.locator(".phase-lane")).to_have_count(len(begun))
    page.get_by_text(re.compile("^As a table")).focus()
    page.keyboard.press("Enter")
    pieces = own.http.get(f"/searches/{found}/pieces").json()
    expect(page.get_by_role("region", name="Pieces by node").get_by_role("row").nth(1)).to_contain_text("batch")
    expect(page.locator(".piece.search")).to_have_count(len(pieces))


def test_a_refused_stream_is_reported(page: Page, server: Server) -> None:
    def refuse(route: Route) -> None:
        route.fulfill(status=403, json={"code": "not-allowed", "detail": "No.", "remedy": ""})

    page.route("**/api/v1/searches/events", refuse)

    page.goto(f"{server.url}/searches")

    expect(page.get_by_text("The service no longer sends updates")).to_be_visible()


def test_the_heading_has_the_focus_after_navigation(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/new")
    expect(page.get_by_role("heading", name="New search")).not_to_be_focused()

    page.get_by_role("link", name="Searches").click()

    expect(page.get_by_role("heading", name="Searches")).to_be_focused()


def test_a_deletion_whose_notice_is_closed_is_done(page: Page, server: Server) -> None:
    found = server.ended(server.submit("blastp", "proteins", ONE, title="To be gone")["id"])
    page.goto(f"{server.url}/searches?text=gone")
    row = page.get_by_role("row").filter(has_text="To be gone")
    row.get_by_label("Actions for").click()
    row.get_by_role("button", name="Delete").click()
    notice = page.get_by_role("status").filter(has_text="is being deleted")
    expect(notice).to_be_visible()

    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        notice.get_by_role("button", name="Close").click()

    assert server.http.get(f"/searches/{found['id']}").status_code == 404
