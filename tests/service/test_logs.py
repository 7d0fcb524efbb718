"""The content of the log, and the secrets that it never contains."""

from __future__ import annotations

import json
import logging
import os
import re
import tempfile
from datetime import datetime
from pathlib import Path

import pytest

from shardblast.cli.logs import JsonFormatter, TextFormatter, without_secrets
from tests.postgres import postgres
from tests.sequences import real
from tests.service.databases import add_cut
from tests.service.server import Server, get
from tests.waiting import until

RNA = "".join(one.fasta for one in real("16s-queries")[:2])
PASSWORD = "swordfish4711"
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_every_line_is_json_with_time_level_logger_and_message(server: Server) -> None:
    server.ended(server.submit("blastn", "16s", RNA)["id"])

    for record in server.records:
        assert {"time", "level", "logger", "message"} <= record.keys()
        assert RFC_3339.fullmatch(record["time"])
        assert abs(datetime.fromisoformat(record["time"]).timestamp() - os.stat(server.home).st_mtime) < 86400


def test_each_change_of_a_search_is_a_line(server: Server) -> None:
    search = server.submit("blastn", "16s", RNA)
    server.ended(search["id"])
    server.logged(lambda one: one.get("search_id") == search["id"] and one.get("state") == "completed")

    lines = [one for one in server.records if one.get("search_id") == search["id"] and "state" in one]

    assert [line["state"] for line in lines] == ["queued", "running", "completed"]
    assert lines[-1]["seconds"] >= 0
    assert {line["owner"] for line in lines} == {"anybody"}


def test_probes_leave_no_line(server: Server) -> None:
    for route in ("health", "ready"):
        assert get(f"{server.url}/{route}").status_code == 200
    server.http.get("/me")
    server.logged(lambda one: one.get("route") == "/api/v1/me")

    assert not [one for one in server.records if one.get("route") in ("/health", "/ready")]


def test_a_search_that_fails_leaves_the_code_and_the_piece(server: Server) -> None:
    add_cut(server, "cut")
    search = server.submit("blastp", "cut", real("proteins")[0].fasta)
    ended = server.ended(search["id"])
    server.logged(lambda one: one.get("search_id") == search["id"] and one.get("state") == "failed")

    lines = [one for one in server.records if one.get("search_id") == search["id"] and one["level"] == "warning"]

    assert {line["code"] for line in lines} == {ended["failure"]["code"]}
    messages = [line["message"] for line in lines]
    assert messages[0] == "piece failed"
    assert messages[-1] == "search failed"


def test_each_request_is_a_line_with_its_route_and_its_id_but_not_its_query(server: Server) -> None:
    answer = server.http.get("/searches/nothing", params={"token": "hidden-in-the-address"})
    taken = server.http.get("/searches", headers={"X-Request-ID": "from-a-proxy.1"})
    refused = server.http.get("/searches", headers={"X-Request-ID": "two words"})

    lines = [
        server.logged(lambda one, sent=sent: one.get("request_id") == sent.headers["X-Request-ID"] and "route" in one)
        for sent in (answer, taken, refused)
    ]
    line = lines[0]
    received = (line["method"], line["route"], line["status"], line["code"])
    assert received == ("GET", "/api/v1/searches/{search_id}", 404, "not-found")
    assert line["seconds"] >= 0
    assert taken.headers["X-Request-ID"] == "from-a-proxy.1"
    assert lines[1]["request_id"] == "from-a-proxy.1"
    assert {one["route"] for one in lines[1:]} == {"/api/v1/searches"}
    assert refused.headers["X-Request-ID"] != "two words"
    assert "hidden-in-the-address" not in server.log


def test_a_bug_is_answered_with_an_id_that_the_log_has_with_its_traceback(server: Server) -> None:
    search = server.submit("blastn", "16s", RNA)
    server.ended(search["id"])
    (server.home / "searches" / search["id"] / "plan.json").write_text("{")

    answer = server.http.get(f"/searches/{search['id']}/results")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    number = answer.json()["id"]
    assert answer.headers["X-Request-ID"] == number
    line = server.logged(lambda one: one.get("request_id") == number and "traceback" in one)
    assert "JSONDecodeError" in line["traceback"]
    assert sum("JSONDecodeError" in one.get("traceback", "") for one in server.records) == 1


def test_no_secret_is_in_the_log(tmp_path: Path, served: dict[str, Path]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        with postgres(Path(folder)) as address:
            variables = {"SHARDBLAST_DATABASE_URL": address.replace("tester@", f"tester:{PASSWORD}@")}
            server = Server(tmp_path / "home", "--auth", "token", variables=variables)
            server.add_database("16s", served["16s"])
            token = server.run("token", "create", "t", "--owner", "ada").stdout.strip()
            server.start()
            server.http.headers["Authorization"] = f"Bearer {token}"
            server.ended(server.submit("blastn", "16s", RNA)["id"])
            sent = {"Authorization": "Bearer sb_another-that-is-void"}
            assert server.http.get("/searches", headers=sent).status_code == 401
            get(f"{server.url}/api/v1/me", headers={"Authorization": "Basic YTpzd29yZGZpc2g="})
        assert server.http.get("/searches").status_code == 503  # its database is gone
        until(lambda: '"code": "store"' in server.log, lambda: server.log)
        server.kill()
        server.http.close()

    for secret in (token, PASSWORD, "sb_another-that-is-void", "YTpzd29yZGZpc2g="):
        assert secret not in server.log


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at postgresql://ada:swordfish@db:5432/x", "at postgresql://ada:…@db:5432/x"),
        ("at postgresql://:p/a@ss@db/x", "at postgresql://:…@db/x"),
        ("Authorization: Bearer abcdefghij.klm", "Authorization: Bearer …"),
        ("GET /o?X-Amz-Credential=AK%2F&X-Amz-Signature=0af3&y=1", "GET /o?X-Amz-Credential=…&X-Amz-Signature=…&y=1"),
        ("token sb_0123456789abcdefghijkl!", "token …!"),
        ("see https://example.org/a:b and a@b", "see https://example.org/a:b and a@b"),
    ],
)
def test_messages_of_libraries_are_shown_without_their_secrets(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


def test_text_has_the_same_fields_and_json_keeps_to_its_line() -> None:
    record = logging.makeLogRecord({"name": "shardblast.x", "levelname": "INFO", "msg": "two\nlines", "shard": 3})

    assert TextFormatter().format(record).endswith("INFO shardblast.x: two\nlines shard=3")
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert json.loads(line)["shard"] == 3
