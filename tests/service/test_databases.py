"""Databases of a service: added from sources, updated under running searches, warmed, removed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cold import cool
from tests.databases import make_database
from tests.sequences import real, write_fasta
from tests.service.databases import add, database, many, stored, task_ended
from tests.service.processes import blast
from tests.service.server import Server
from tests.waiting import until

QUERY = real("proteins")[3].fasta
MANY = "".join(one.fasta for one in real("proteins")[:300])
VOLUMES = ("-max_file_sz", "60000")


def test_a_database_made_from_fasta_gives_the_output_of_blast(server: Server, fasta: Path, tmp_path: Path) -> None:
    task = task_ended(server, add(server, "made", fasta)["id"])
    assert task["state"] == "completed", task["failure"]
    search = server.ended(server.submit("blastp", "made", QUERY, "-evalue 1e-3")["id"])
    assert search["state"] == "completed", search["failure"]

    path = make_database(tmp_path / "own" / "made", "prot", real("proteins")[:1500])
    expected = blast("blastp", path, "made", QUERY, ["-evalue", "1e-3"], "6", tmp_path)

    assert server.result(search["id"], "6") == expected != b""
    received = database(server, "made")
    assert (received["num_seqs"], received["in_place"], received["molecule"]) == (1500, False, "protein")
    assert received["here"]["staged_bytes"] == received["size_bytes"]
    assert received["generation"] in stored(server, "made")
    assert search["generation"] == server.http.get(f"/searches/{search['id']}/report").json()["database"]["generation"]


def test_the_phases_of_a_search_include_staging_when_it_happens(server: Server, fasta: Path) -> None:
    task_ended(server, add(server, "staged", fasta)["id"])

    first = server.ended(server.submit("blastp", "staged", QUERY)["id"])
    second = server.ended(server.submit("blastp", "staged", QUERY)["id"])

    size = database(server, "staged")["size_bytes"]
    staging = [next(phase for phase in one["phases"] if phase["name"] == "staging") for one in (first, second)]
    assert [(phase["status"], phase["done"], phase["total"]) for phase in staging] == [
        ("completed", size, size),
        ("skipped", 0, 0),
    ]


def test_an_update_takes_effect_for_new_searches_while_old_ones_continue(own_server: Server, fasta: Path) -> None:
    task_ended(own_server, add(own_server, "moving", fasta)["id"])
    before = database(own_server, "moving")["generation"]
    running = own_server.submit("blastp", "moving", MANY, "-max_target_seqs 5")
    for event in own_server.events(running["id"]):
        if '"phase": "searching"' in event.data:
            break

    write_fasta(fasta, real("proteins")[:1200])
    updates = own_server.http.get("/databases/moving/updates").json()
    begun = own_server.http.post("/databases/moving/update")
    assert (begun.status_code, updates["is_newer"]) == (202, True)
    task = task_ended(own_server, begun.json()["id"])
    after = database(own_server, "moving")
    kept = stored(own_server, "moving")
    still = own_server.search(running["id"])  # last: what runs now ran then

    assert task["state"] == "completed", task["failure"]
    assert (after["generation"] != before, after["num_seqs"]) == (True, 1200)
    if still["state"] == "running":
        assert kept == {before, after["generation"]}
    ended = own_server.ended(running["id"])
    assert (ended["state"], ended["generation"]) == ("completed", before)
    until(lambda: stored(own_server, "moving") == {after["generation"]})
    assert own_server.result(running["id"], "6") != b""  # its own copies are kept with the result
    new = own_server.ended(own_server.submit("blastp", "moving", QUERY)["id"])
    assert new["generation"] == after["generation"]


def test_an_update_without_a_newer_version_changes_nothing(server: Server, fasta: Path) -> None:
    task_ended(server, add(server, "still", fasta)["id"])
    before = database(server, "still")

    task = task_ended(server, server.http.post("/databases/still/update").json()["id"])

    assert (task["state"], task["outcome"]) == ("completed", "The source has nothing newer.")
    assert database(server, "still")["generation"] == before["generation"]


def test_a_name_is_not_added_from_two_sources(server: Server, fasta: Path, tmp_path: Path) -> None:
    other = write_fasta(tmp_path / "other.fa", real("proteins")[:1000])
    first = add(server, "named", fasta)

    second = server.http.post("/databases", json={"name": "named", "source": str(other)})
    task_ended(server, first["id"])
    third = server.http.post("/databases", json={"name": "named", "source": str(other)})

    assert [one.status_code for one in (second, third)] == [409, 409]
    assert database(server, "named")["num_seqs"] == 1500


def test_a_taken_name_is_replaced_only_on_request(server: Server, fasta: Path, tmp_path: Path) -> None:
    in_place = make_database(tmp_path / "own" / "other", "prot", real("proteins")[:400])
    task_ended(server, add(server, "taken", fasta)["id"])
    before = database(server, "taken")

    over_http = server.http.post("/databases", json={"name": "taken", "source": str(in_place)})
    by_command = server.run("db", "add", "taken", str(in_place))
    unchanged = database(server, "taken")
    replaced = server.run("db", "add", "taken", str(in_place), "--replace")
    after = database(server, "taken")
    back = task_ended(server, add(server, "taken", fasta, replace=True)["id"])

    assert (over_http.status_code, over_http.json()["code"]) == (409, "conflict")
    assert (over_http.json()["allowed_with"], "--" in over_http.text) == ("replace", False)
    assert by_command.returncode == 1
    assert "database 'taken' from another source already exists" in by_command.stderr
    assert "--replace" in by_command.stderr
    assert unchanged == before
    assert replaced.returncode == 0, replaced.stderr
    assert (after["num_seqs"], after["in_place"]) == (400, True)
    assert back["state"] == "completed", back["failure"]
    assert (database(server, "taken")["num_seqs"], database(server, "taken")["in_place"]) == (1500, False)


def test_the_same_source_may_be_added_again(server: Server, tmp_path: Path) -> None:
    path = make_database(tmp_path / "own" / "again", "prot", real("proteins")[:400])

    added = [server.run("db", "add", "again", str(path)) for _ in range(2)]

    assert [one.returncode for one in added] == [0, 0]


def test_a_database_of_the_other_molecule_never_replaces_one(
    server: Server, served: dict[str, Path], fasta: Path, tmp_path: Path
) -> None:
    task_ended(server, add(server, "molecular", fasta)["id"])
    nucleotides = write_fasta(tmp_path / "nucleotides.fa", real("16s")[:100])
    before = database(server, "molecular")

    in_place = server.run("db", "add", "molecular", str(served["16s"]), "--replace")
    made = task_ended(server, add(server, "molecular", nucleotides, replace=True)["id"])

    assert (in_place.returncode, "holds protein sequences" in in_place.stderr) == (1, True)
    assert made["failure"]["code"] == "conflict"
    assert "holds nucleotide sequences" in made["failure"]["problem"]
    assert database(server, "molecular") == before
    assert stored(server, "molecular") == {before["generation"]}
    assert not (server.home / "adding" / "molecular").exists()


def test_files_in_place_that_became_another_molecule_are_refused(server: Server, tmp_path: Path) -> None:
    path = make_database(tmp_path / "own" / "turned", "prot", real("proteins")[:400])
    server.add_database("turned", path)
    for file in path.parent.iterdir():
        file.unlink()
    make_database(path, "nucl", real("16s")[:50])

    updated = server.http.post("/databases/turned/update")

    assert (updated.status_code, updated.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize("name", ["another-services", "%1F", "%2E%2E"])
def test_removing_a_database_that_is_not_known_touches_no_file(server: Server, name: str) -> None:
    file = server.home / "storage" / "databases" / "another-services" / "current"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("g1")

    answer = server.http.delete(f"/databases/{name}", params={"force": True})

    assert answer.status_code == 404
    assert file.read_text() == "g1"


def test_a_database_is_not_removed_while_it_is_updated(own_server: Server, fasta: Path) -> None:
    task_ended(own_server, add(own_server, "busy", fasta)["id"])
    many(fasta)
    update = own_server.http.post("/databases/busy/update").json()
    for event in own_server.task_events(update["id"]):
        if json.loads(event.data)["done"]:
            break

    refused = own_server.http.delete("/databases/busy", params={"force": True})
    ended = task_ended(own_server, update["id"])

    assert refused.status_code == 409
    assert ended["state"] == "completed", ended["failure"]
    assert own_server.run("db", "check", "busy").stdout == "busy: ok\n"
    assert own_server.http.delete("/databases/busy").status_code == 204


@pytest.mark.parametrize("content", [b"this is no FASTA\n", b"", b">only a title\n"])
def test_rubbish_fails_with_a_reason_and_leaves_nothing(server: Server, tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "rubbish.fa"
    source.write_bytes(content)

    answer = server.http.post("/databases", json={"name": "rubbish", "source": str(source)})
    failure = answer.json() if answer.status_code >= 400 else task_ended(server, answer.json()["id"])["failure"]

    assert failure["remedy"]
    assert "Traceback" not in json.dumps(failure)
    assert server.http.get("/databases/rubbish").status_code == 404


@pytest.mark.parametrize(
    "source",
    [
        "",
        " ",
        ".",
        "/",
        "..",
        "a" * 3000,
        "/proc/self/mem",
        "/nowhere/at/all",
        "ftp://host/db",
        "ncbi:",
        "ncbi:../x",
        "s3://b/\n",
    ],
)
def test_an_invalid_source_is_refused_at_once(server: Server, source: str) -> None:
    answer = server.http.post("/databases", json={"name": "none", "source": source})

    assert answer.status_code in (400, 404, 409, 422), answer.text
    assert answer.json()["remedy"]


def test_a_database_in_use_is_removed_only_by_force(own_server: Server, fasta: Path) -> None:
    task_ended(own_server, add(own_server, "used", fasta)["id"])
    running = own_server.submit("blastp", "used", MANY * 3, "-evalue 1000")
    for event in own_server.events(running["id"]):
        if '"phase": "searching"' in event.data:
            break

    refused = own_server.http.delete("/databases/used")
    use = own_server.http.get("/databases/used/use").json()
    forced = own_server.http.delete("/databases/used", params={"force": True})

    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert (use["searches"], [one["id"] for one in use["first"]], use["tasks"]) == (1, [running["id"]], [])
    assert forced.status_code == 204
    assert own_server.ended(running["id"])["state"] == "cancelled"
    assert own_server.http.get("/databases/used").status_code == 404
    assert stored(own_server, "used") == set()


def test_warming_reads_cold_files_and_reports_how_much_is_warm(server: Server, fasta: Path) -> None:
    task_ended(server, add(server, "cold", fasta)["id"])
    server.ended(server.submit("blastp", "cold", QUERY)["id"])
    cool(*(server.home / "staged" / "cold").glob("*/*.p??"))
    before = database(server, "cold")["here"]

    task = task_ended(server, server.http.post("/databases/cold/warm").json()["id"])

    after = database(server, "cold")["here"]
    assert before["resident_bytes"] < before["mapped_bytes"]
    assert task["state"] == "completed", task["failure"]
    assert (task["step"], task["done"]) == ("warming", task["total"])
    assert after["resident_bytes"] >= after["mapped_bytes"]


def test_ten_searches_that_start_at_once_on_a_cold_database_share_one_copy(server: Server, fasta: Path) -> None:
    task_ended(server, add(server, "shared", fasta)["id"])

    begun = [server.submit("blastp", "shared", QUERY, f"-max_target_seqs {number + 5}") for number in range(10)]
    ended = [server.ended(one["id"]) for one in begun]

    assert [one["state"] for one in ended] == ["completed"] * 10
    assert len(list((server.home / "staged" / "shared").glob("*/*.psq"))) == 1
    assert not list((server.home / "staged").rglob("*.partial"))


def test_a_volume_that_is_damaged_on_the_disk_gives_no_result(server: Server, fasta: Path) -> None:
    task_ended(server, add(server, "flipped", fasta)["id"])
    server.ended(server.submit("blastp", "flipped", QUERY)["id"])
    (file,) = (server.home / "staged" / "flipped").glob("*/*.psq")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    times = file.stat()
    with file.open("r+b") as target:  # in place, and so in the storage too, which has the same file here
        target.write(content)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

    search = server.ended(server.submit("blastp", "flipped", QUERY)["id"])

    assert (search["state"], search["failure"]["code"]) == ("failed", "damaged")


def test_a_database_that_changes_in_place_is_not_searched_until_it_is_updated(
    own_server: Server, tmp_path: Path
) -> None:
    path = make_database(tmp_path / "own" / "db[1]*", "prot", real("proteins")[:500])
    own_server.add_database("lying", path)
    assert own_server.ended(own_server.submit("blastp", "lying", QUERY)["id"])["state"] == "completed"

    make_database(path, "prot", real("proteins")[:400])
    changed = own_server.http.post("/searches", json={"program": "blastp", "database": "lying", "query": QUERY})
    received = database(own_server, "lying")["here"]
    updated = own_server.http.post("/databases/lying/update")
    again = own_server.ended(own_server.submit("blastp", "lying", QUERY)["id"])

    assert (changed.status_code, changed.json()["problems"][0]["code"]) == (422, "database-changed")
    assert (received["resident_bytes"], "have changed" in received["problem"]) == (None, True)
    assert (updated.status_code, updated.json()["num_seqs"]) == (200, 400)
    assert again["state"] == "completed"
    assert own_server.result(again["id"], "6") == blast("blastp", path, "lying", QUERY, [], "6", tmp_path)


def test_a_plan_shows_the_share_of_each_node_and_whether_it_fits(server: Server) -> None:
    mapped = database(server, "proteins")["mapped_bytes"]

    roomy = server.http.get("/databases/proteins/plan", params={"nodes": 2, "memory_bytes": 4 * mapped}).json()
    tight = server.http.get("/databases/proteins/plan", params={"nodes": 2, "memory_bytes": mapped // 2}).json()
    received = server.run("db", "plan", "proteins", "--nodes", "2", "--memory", f"{mapped // 2}")

    assert (roomy["fits"], len(roomy["shares"])) == (True, 2)
    assert not tight["fits"]
    assert "nodes of this size" in tight["remedy"]
    assert received.returncode == 1
    assert tight["remedy"] in received.stdout


def test_the_node_lists_its_databases(server: Server, fasta: Path) -> None:
    task_ended(server, add(server, "held", fasta)["id"])
    server.ended(server.submit("blastp", "held", QUERY)["id"])

    (node,) = server.http.get("/nodes").json()

    held = next(one for one in node["generations"] if one["database"] == "held")
    assert held["in_place"] is False
    assert held["resident_bytes"] >= held["mapped_bytes"] > 0
    assert next(one for one in node["generations"] if one["database"] == "16s")["in_place"] is True
    assert node["cores"] >= 1
    assert node["memory_bytes"] > 0


def test_a_database_is_added_from_a_terminal_beside_a_running_service(server: Server, fasta: Path) -> None:
    added = server.run("db", "add", "by-hand", str(fasta), "--title", "by hand", "--molecule", "prot")
    listed = server.run("db", "list")
    shown = json.loads(server.run("db", "show", "by-hand", "--json").stdout)
    checked = server.run("db", "check", "by-hand")

    assert added.returncode == 0, added.stderr
    assert "1,500 sequences" in added.stdout
    assert "by-hand  protein" in listed.stdout
    assert (shown["title"], shown["in_place"]) == ("by hand", False)
    assert (checked.returncode, checked.stdout) == (0, "by-hand: ok\n")
    assert server.ended(server.submit("blastp", "by-hand", QUERY)["id"])["state"] == "completed"


def test_a_command_explains_in_its_own_words_a_request_that_the_service_cannot_read(
    server: Server, fasta: Path
) -> None:
    refused = server.run("db", "add", "n" * 101, str(fasta))

    assert (refused.returncode, refused.stderr) == (
        1,
        "name: String should have at most 100 characters.\nshardblast: Correct the command, then run it again.\n",
    )
