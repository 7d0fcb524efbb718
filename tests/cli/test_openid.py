"""Settings of the service that depend on each other."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from shardblast.bootstrap.databases import settings_of
from shardblast.cli.serve import checked
from shardblast.core.errors import ConflictError, UsageError
from shardblast.service.identity import check_mode
from shardblast.service.settings import TABLE, Mode, Settings
from tests import forked
from tests.forked import SHARDBLAST

ISSUER = "https://login.example.org"
OIDC = {"auth": Mode.OIDC, "oidc_issuer": ISSUER, "oidc_client_id": "x"}
SECRET = "SHARDBLAST_OIDC_CLIENT_SECRET"
TEXTS = [field for field, row in TABLE.items() if row.kind in (str, Path) and not row.in_file]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"oidc_issuer": ""}, "--oidc-issuer"),
        ({"oidc_client_id": ""}, "--oidc-client-id"),
        ({"oidc_issuer": "http://login.example.org"}, "https://"),
        ({"oidc_issuer": "login.example.org"}, "https://"),
        ({"oidc_scopes": "profile"}, "--oidc-scopes"),
        ({"oidc_admin_claim": "groups"}, "groups=blast-admins"),
        ({"public_url": "blast.example.org"}, "--public-url"),
        ({"public_url": "ftp://blast.example.org"}, "--public-url"),
        ({"public_url": "https://blast.example.org/path"}, "--public-url"),
        ({"public_url": "x://"}, "--public-url"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(values: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=says):
        checked(Settings(**{**OIDC, **values, "home": tmp_path}))


def test_a_public_address_has_no_slash_at_its_end(tmp_path: Path) -> None:
    settings = checked(Settings(home=tmp_path, public_url="https://blast.example.org/"))

    assert settings.public_url == "https://blast.example.org"


def test_the_secret_is_read_from_a_file_or_the_environment_and_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    file.write_text("of the file\n")
    monkeypatch.setenv(SECRET, "of the environment")

    from_file = settings_of(oidc_client_secret=file, oidc_admin_claim="groups=a=b")
    from_environment = settings_of()

    assert (from_file.oidc_client_secret, from_environment.oidc_client_secret) == ("of the file", "of the environment")
    assert "of the" not in f"{from_file!r} {from_environment!r}"
    assert from_file.admin_claim == ("groups", "a=b")


def test_a_secret_that_can_not_be_read_is_reported() -> None:
    with pytest.raises(UsageError, match="Check the file"):
        settings_of(oidc_client_secret=Path("/absent"))


def test_browsers_are_redirected_only_to_valid_addresses(tmp_path: Path) -> None:
    with pytest.raises(ConflictError, match="--public-url"):
        check_mode(Settings(home=tmp_path, auth=Mode.OIDC, host="0.0.0.0"))

    check_mode(Settings(home=tmp_path, auth=Mode.OIDC, host="0.0.0.0", public_url="https://blast.example.org"))
    check_mode(Settings(home=tmp_path, auth=Mode.OIDC, host="10.0.0.1"))


def test_every_variable_sets_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {int: "3", float: "2.5", str: "text", Path: "/tmp/home", Mode: "token"}
    for row in TABLE.values():
        if row.variable:
            monkeypatch.setenv(row.variable, texts[row.kind])

    settings = settings_of()

    for field, row in TABLE.items():
        if row.variable:
            assert getattr(settings, field) == row.kind(texts[row.kind]), field


@pytest.mark.parametrize(
    ("variable", "text"),
    [("SHARDBLAST_REPLICAS", "0"), ("SHARDBLAST_IDLE_MINUTES", "soon"), ("SHARDBLAST_AUTH", "guess")],
)
def test_a_variable_that_is_not_valid_is_named(variable: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, text)

    with pytest.raises(UsageError, match=f"{variable}='{text}'"):
        settings_of()


@pytest.mark.parametrize(
    "field", [field for field, row in TABLE.items() if row.kind in (str, Path) and not row.in_file]
)
@pytest.mark.parametrize("control", ["\0", "\n", "\x7f"])
def test_no_setting_has_control_characters(field: str, control: str) -> None:
    with pytest.raises(UsageError, match=f"{TABLE[field].option} contains control characters"):
        settings_of(**{field: TABLE[field].kind(f"https://a{control}b")})


def test_an_option_takes_precedence_over_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARDBLAST_REPLICAS", "3")

    assert settings_of(replicas=2).replicas == 2


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("SHARDBLAST_REPLICAS", "two"),
        ("SHARDBLAST_REPLICAS", "0"),
        ("SHARDBLAST_WAITING_HOURS", "soon"),
        ("SHARDBLAST_WAITING_HOURS", "-1"),
    ],
)
def test_a_search_on_a_cluster_names_a_variable_that_is_not_valid(variable: str, text: str, tmp_path: Path) -> None:
    words = ["blastn", "-db", "16s", "-query", "q.fa", "--engine", "dask", "--scheduler", "tcp://127.0.0.1:1"]
    environment = {**os.environ, "SHARDBLAST_STORAGE": tmp_path.as_uri(), variable: text}

    done = forked.run([*SHARDBLAST, *words], environment)

    assert done.returncode == 1
    assert f"{variable}='{text}' is not valid." in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
