"""The page of operators: databases, tasks and nodes; and what readers of a link can't see."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect

from tests.cluster.parts import stopped, words_of
from tests.databases import make_database
from tests.page.conftest import serving
from tests.page.steps import download, hold, show
from tests.page.test_manners import violations
from tests.sequences import Sequence, real, write_fasta
from tests.service.server import Server

PROTEINS = real("proteins")
LONG = "".join(one.fasta for one in PROTEINS[:600])


@pytest.fixture
def own_server(tmp_path: Path, served: dict[str, Path]) -> Iterator[Server]:
    one = serving(tmp_path / "home", served)
    yield one
    one.close()


@pytest.fixture
def asked(page: Page) -> list[Request]:
    """The requests of the page."""
    requests: list[Request] = []
    page.on("request", lambda one: requests.append(one))
    return requests


def paths(requests: list[Request]) -> list[str]:
    return [one.url.partition("/api/v1")[2] for one in requests if "/api/v1" in one.url]


def many(path: Path) -> Path:
    """Write enough proteins to keep a task busy until it is held."""
    copies = ((copy, number, one) for copy in range(60) for number, one in enumerate(PROTEINS[:2000]))
    return write_fasta(path, (Sequence(f"p{copy}_{number}", one.letters) for copy, number, one in copies))


def add(server: Server, name: str, source: Path) -> str:
    """Begin to add a database; return the task's id."""
    answer = server.http.post("/databases", json={"name": name, "source": str(source)})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def makers(server: Server) -> list[int]:
    """Return the processes that make a database for a service."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_ours = (process / "cwd").readlink().is_relative_to(server.home)
            if is_ours and b"/makeblastdb" in words_of(int(process.name))[0]:
                found.append(int(process.name))
    return found


def hold_task(server: Server) -> None:
    """Suspend the making of a database, so that it does not finish too soon."""
    stopped(lambda: makers(server))


def choose(page: Page, name: str, action: str) -> None:
    page.get_by_label(f"Actions for {name}").click()
    page.get_by_role("row").filter(has_text=name).get_by_role("button", name=action, exact=True).click()


def test_the_nodes_are_followed(page: Page, own_server: Server, asked: list[Request]) -> None:
    page.goto(f"{own_server.url}/nodes")
    running = page.locator(".node dd").first
    expect(running).to_have_text(f"0 on {os.cpu_count()} cores")
    expect(page.get_by_role("heading", name="Shards on nodes")).to_be_visible()
    expect(page.locator(".shard-map svg")).to_have_count(2)
    expect(page.get_by_text("The number of nodes can't be changed here.")).to_be_visible()
    expect(page.get_by_text("This service runs on a single machine.")).to_be_visible()

    search = own_server.submit("blastp", "proteins", LONG, {"evalue": 1000})["id"]
    hold(own_server, search)
    expect(running).not_to_have_text(f"0 on {os.cpu_count()} cores")
    own_server.http.post(f"/searches/{search}/cancel")

    expect(running).to_have_text(f"0 on {os.cpu_count()} cores")
    assert [one for one in paths(asked) if one.startswith("/nodes")] == ["/nodes/events"]
    own_server.kill()
    expect(page.get_by_text("Connection lost")).to_be_visible()
    own_server.start()
    expect(page.get_by_text("Connection lost")).to_have_count(0)


def test_all_tasks_are_followed_by_one_stream_and_the_end_of_each_is_announced(
    page: Page, server: Server, asked: list[Request], tmp_path: Path
) -> None:
    page.goto(f"{server.url}/databases")
    expect(page.get_by_role("row").filter(has_text="genes")).to_be_visible()
    source = write_fasta(tmp_path / "some.fa", PROTEINS[:50])
    names = ("one-of-four", "two-of-four", "three-of-four", "four-of-four")
    for name in names:
        add(server, name, source)

    for name in names:
        notice = page.locator(".notice").filter(has_text=f"Adding {name}: completed. ")
        expect(notice).to_contain_text("50 sequences")
        expect(page.get_by_role("listitem").filter(has_text=f"Adding {name}")).to_contain_text("completed")
        expect(page.get_by_role("row").filter(has_text=name)).to_be_visible()
    task_paths = [one for one in paths(asked) if one.startswith("/tasks")]
    assert task_paths.count("/tasks/events") == 1
    assert set(task_paths) == {"/tasks/events", "/tasks?limit=20"}
    assert len(task_paths) < 8, task_paths


def test_the_end_of_a_task_is_announced_once_wherever_one_is(
    page: Page, own_server: Server, asked: list[Request], tmp_path: Path
) -> None:
    page.goto(f"{own_server.url}/new")
    ends = page.locator(".notice").filter(has_text="Adding large: cancelled.")
    task = add(own_server, "large", many(tmp_path / "large.fa"))
    hold_task(own_server)
    for name in ("Nodes", "Databases", "Searches"):
        page.get_by_role("navigation", name="shardblast").get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_focused()

    own_server.http.post(f"/tasks/{task}/cancel")

    expect(ends).to_be_visible()
    expect(ends).to_have_count(1)
    assert paths(asked).count("/tasks/events") == 1


def test_a_task_is_cancelled(page: Page, own_server: Server, tmp_path: Path) -> None:
    page.goto(f"{own_server.url}/databases")
    add(own_server, "large", many(tmp_path / "large.fa"))
    hold_task(own_server)
    page.get_by_role("button", name="Cancel: Adding large").click()

    expect(page.get_by_role("listitem").filter(has_text="Adding large")).to_contain_text("cancelled")
    expect(page.locator(".notice").filter(has_text="Adding large: cancelled.")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel: Adding large")).to_have_count(0)
    assert own_server.http.get("/databases/large").status_code == 404


def test_a_task_that_failed_is_retried_or_dismissed(page: Page, own_server: Server, tmp_path: Path) -> None:
    fasta = tmp_path / "mended.fa"
    fasta.write_text(">a\n>b\n")
    page.goto(f"{own_server.url}/databases")
    for name in ("mended", "gone"):
        add(own_server, name, fasta)
    retry = page.get_by_role("button", name="Retry: Adding mended")
    expect(retry).to_be_visible()
    write_fasta(fasta, PROTEINS[:5])

    retry.click()
    page.get_by_role("button", name="Dismiss: Adding gone").click()

    tasks = page.get_by_role("listitem").filter(has_text="Adding mended")
    expect(tasks.filter(has_text="completed")).to_have_count(1)
    expect(tasks).to_have_count(1)
    expect(page.get_by_role("listitem").filter(has_text="Adding gone")).to_have_count(0)
    expect(page.get_by_role("row").filter(has_text="mended")).to_contain_text("5")


def test_the_error_of_a_task_can_be_read_on_a_small_phone(page: Page, own_server: Server, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 390, "height": 664})
    fasta = tmp_path / ("long" * 40 + ".fa")
    fasta.write_text(">a\n>b\n")
    add(own_server, "broken", fasta)

    page.goto(f"{own_server.url}/databases")

    error = page.get_by_role("listitem").filter(has_text="Adding broken").locator(".mend")
    expect(error).to_be_visible()
    box = error.bounding_box()
    assert box is not None
    assert box["width"] > 300
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_updates_are_looked_for_and_offered(page: Page, server: Server, tmp_path: Path) -> None:
    source = write_fasta(tmp_path / "growing.fa", PROTEINS[:20])
    for _ in server.task_events(add(server, "growing", source)):
        pass
    page.goto(f"{server.url}/databases")
    row = page.get_by_role("row").filter(has_text="growing")
    expect(row).to_contain_text("20")
    choose(page, "growing", "Check for updates")
    expect(page.locator(".notice").filter(has_text="growing is up to date.")).to_be_visible()

    write_fasta(source, PROTEINS[:30])
    choose(page, "growing", "Check for updates")
    offer = page.locator(".notice").filter(has_text="is available")
    offer.get_by_role("button", name="Update").click()

    expect(page.get_by_role("listitem").filter(has_text="Updating growing")).to_contain_text("completed")
    expect(row).to_contain_text("30")


def test_a_database_in_use_is_removed_only_after_confirmation(page: Page, own_server: Server) -> None:
    search = own_server.submit("blastp", "proteins", LONG, {"evalue": 1000}, title="In the way")["id"]
    hold(own_server, search)
    page.goto(f"{own_server.url}/databases")
    choose(page, "proteins", "Remove")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 search uses it:")
    expect(dialog.get_by_role("link", name="In the way")).to_be_visible()
    assert violations(page) == []
    remove = dialog.get_by_role("button", name="Remove")
    expect(remove).to_be_disabled()

    dialog.get_by_role("checkbox", name="Cancel these searches and remove it").check()
    remove.click()

    expect(page.get_by_role("row").filter(has_text="proteins")).to_have_count(0)
    expect(dialog).to_have_count(0)
    assert own_server.ended(search)["state"] == "cancelled"


def test_a_database_that_results_need_is_removed_only_by_users_who_give_them_up(
    page: Page, server: Server, tmp_path: Path
) -> None:
    merged = [Sequence(f"S{number}.1 a\x01T{number}.1 b", one.letters) for number, one in enumerate(PROTEINS[:9])]
    server.add_database("needed", make_database(tmp_path / "needed", "prot", merged, "-parse_seqids"))
    search = server.submit("blastp", "needed", PROTEINS[3].fasta, lists={"seqidlist": "T3.1\n"})["id"]
    assert server.ended(search)["state"] == "completed"
    page.goto(f"{server.url}/databases")

    choose(page, "needed", "Remove")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The results of 1 finished search can't be printed without it.")
    expect(dialog.get_by_role("button", name="Remove")).to_be_disabled()
    dialog.get_by_role("checkbox", name="Remove it anyway").check()
    dialog.get_by_role("button", name="Remove").click()

    expect(page.get_by_role("row").filter(has_text="needed")).to_have_count(0)


def test_readers_of_a_link_see_no_names_of_nodes_and_send_no_token_in_addresses(
    page: Page, server: Server, context: BrowserContext
) -> None:
    search = server.submit("blastp", "proteins", PROTEINS[3].fasta)["id"]
    server.ended(search)
    page.goto(f"{server.url}/searches/{search}")
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Create a link").click()
    link = page.get_by_role("dialog").get_by_role("textbox", name="Share").inner_text().strip()
    assert "#share=sbs_" in link
    assert "?" not in link
    guest = context.new_page()
    addresses: list[str] = []
    guest.on("request", lambda request: addresses.append(request.url.partition("#")[0]))
    guest.goto(link)
    expect(guest.get_by_role("table", name="Descriptions").get_by_role("row").nth(1)).to_be_visible()

    show(guest, "Progress")
    expect(guest.get_by_text("node 1").first).to_be_visible()
    expect(guest.get_by_text(socket.gethostname())).to_have_count(0)
    show(guest, "Report")
    expect(guest.get_by_text("The result of every query is byte for byte what one unsharded")).to_be_visible()
    guest.reload()
    expect(guest.get_by_text("The result of every query is byte for byte what one unsharded")).to_be_visible()

    assert "view=report" in guest.url
    assert guest.url.endswith(link.partition("#")[2])
    assert not [one for one in addresses if "sbs_" in one]
    assert download(guest, "Tabular .tsv 6") == server.result(search, "6")
