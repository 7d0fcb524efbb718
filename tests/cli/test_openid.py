"""What ``serve`` is told of an OpenID Connect issuer."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardblast.cli.openid import SECRET, checked_url, open_id
from shardblast.core.errors import ConflictError, UsageError
from shardblast.service.identity import Mode, check_mode
from shardblast.service.settings import Settings

ISSUER = "https://login.example.org"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("", "x", None, "", "openid", ""), "--oidc-issuer"),
        ((ISSUER, "", None, "", "openid", ""), "--oidc-client-id"),
        (("http://login.example.org", "x", None, "", "openid", ""), "https://"),
        (("login.example.org", "x", None, "", "openid", ""), "https://"),
        ((ISSUER, "x", None, "", "profile", ""), "--oidc-scopes"),
        ((ISSUER, "x", None, "", "openid", "groups"), "groups=blast-admins"),
        ((ISSUER, "x", Path("/absent"), "", "openid", ""), "Check the file"),
    ],
)
def test_what_does_not_go_together_is_told(words: tuple[str, str, Path | None, str, str, str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        open_id(*words)


def test_the_secret_is_read_from_a_file_or_the_environment_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    file.write_text("of the file\n")
    monkeypatch.setenv(SECRET, "of the environment")

    from_file = open_id(ISSUER, "x", file, "", "openid", "groups=a=b")
    from_environment = open_id(ISSUER, "x", None, "", "openid", "")

    assert (from_file.client_secret, from_environment.client_secret) == ("of the file", "of the environment")
    assert "of the" not in f"{from_file!r} {from_environment!r}"
    assert from_file.admin_claim == ("groups", "a=b")


@pytest.mark.parametrize(
    "url", ["blast.example.org", "ftp://blast.example.org", "https://blast.example.org/path", "x://"]
)
def test_a_public_address_is_one(url: str) -> None:
    with pytest.raises(UsageError, match="--public-url"):
        checked_url(url)

    assert checked_url("https://blast.example.org/") == "https://blast.example.org"


def test_browsers_are_sent_back_to_an_address_that_is_one(tmp_path: Path) -> None:
    with pytest.raises(ConflictError, match="--public-url"):
        check_mode(Mode.OIDC, Settings(tmp_path, host="0.0.0.0"))

    check_mode(Mode.OIDC, Settings(tmp_path, host="0.0.0.0", public_url="https://blast.example.org"))
    check_mode(Mode.OIDC, Settings(tmp_path, host="10.0.0.1"))
