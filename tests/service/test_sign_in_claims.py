"""The identity of a caller, from claims of a real issuer or from a session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shardblast.core.errors import UnauthorizedError
from shardblast.service.callers import Caller, Means, Scope, Sessions
from shardblast.service.openid import Issuer, SignIn, SignInAttempt
from shardblast.service.settings import Mode, Settings
from shardblast.store.connection import SqlDatabase, migrate
from shardblast.store.credentials import SessionStore
from tests.openid.provider import AUDIENCE, CLIENT, Provider

ADA = Caller("oidc:ada@login", frozenset({Scope.READ, Scope.SEARCH}), Means.SESSION, "Ada")


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    one = Provider(tmp_path_factory.mktemp("provider"))
    one.start()
    yield one
    one.stop()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SessionStore]:
    database = SqlDatabase(f"sqlite:///{tmp_path / 'test.sqlite'}")
    migrate(database)
    yield SessionStore(database)
    database.close()


def a_sign_in(provider: Provider, store: SessionStore, **changes: Any) -> SignIn:
    settings = Settings(
        home=Path(), auth=Mode.OIDC, oidc_issuer=provider.issuer, oidc_client_id=CLIENT, oidc_audience=AUDIENCE
    )
    settings = replace(settings, **changes)
    return SignIn(settings, Issuer(settings), Sessions(store, 12), "http://127.0.0.1")


@pytest.mark.parametrize(
    ("claim", "answer", "is_admin"),
    [
        (("groups", "blast-admins"), {"groups": ["a", "blast-admins"]}, True),
        (("groups", "blast-admins"), {"groups": "blast-admins"}, True),
        (("groups", "blast-admins"), {"groups": "not blast-admins"}, False),
        (("groups", "blast-admins"), {"groups": {"blast-admins": 1}}, False),
        (("groups", "blast-admins"), {}, False),
        (("realm_access.roles", "admin"), {"realm_access": {"roles": ["admin"]}}, True),
        (("realm_access.roles", "admin"), {"realm_access": "admin"}, False),
        (("https://lab.example/roles", "admin"), {"https://lab.example/roles": ["admin"]}, True),
        (None, {"groups": ["blast-admins"]}, False),
    ],
)
def test_a_claim_makes_an_administrator(
    provider: Provider, store: SessionStore, claim: tuple[str, str] | None, answer: dict[str, Any], is_admin: bool
) -> None:
    sign_in = a_sign_in(provider, store, oidc_admin_claim="=".join(claim or ()))

    assert (Scope.ADMIN in sign_in.caller_of_token(provider.signed(**answer)).scopes) is is_admin


def test_an_issuer_may_be_written_with_a_slash_at_its_end(provider: Provider, store: SessionStore) -> None:
    with_slash = a_sign_in(provider, store, oidc_issuer=f"{provider.issuer}/")

    plain = a_sign_in(provider, store)
    token = provider.signed(name="Ada\n", groups=[])

    assert with_slash.caller_of_token(token) == plain.caller_of_token(token)
    assert plain.caller_of_token(token).name == "Ada"


def test_without_another_audience_tokens_are_for_the_client(provider: Provider, store: SessionStore) -> None:
    sign_in = a_sign_in(provider, store, oidc_audience="")

    assert sign_in.caller_of_token(provider.signed(aud=CLIENT)).by is Means.ISSUER
    with pytest.raises(UnauthorizedError):
        sign_in.caller_of_token(provider.signed())


def test_a_session_is_over_when_its_time_is(store: SessionStore) -> None:
    secret = Sessions(store, 12).begin(ADA)
    over = Sessions(store, 0)
    ended = over.begin(ADA)

    assert Sessions(store, 12).caller(secret) == ADA
    with pytest.raises(UnauthorizedError):
        over.caller(ended)
    assert over.expire() == 1
    assert over.caller(secret) == ADA


def test_the_public_part_of_an_attempt_reveals_nothing_about_the_rest() -> None:
    attempt = SignInAttempt("secret", "/a path?x=%2F&y=1;z")

    values = {attempt.secret, attempt.state, attempt.nonce, attempt.verifier, attempt.challenge}

    assert len(values) == 5
    assert SignInAttempt.parse(str(attempt)) == attempt
    assert not set(str(attempt)) & set(' ";,\\')
