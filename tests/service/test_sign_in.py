"""Signing in with a real OpenID provider, and attempts that must fail."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.openid.provider import AUDIENCE, CLIENT, ROBOT, SECRET, Provider, sign_in
from tests.sequences import real
from tests.service.server import END_WITHIN_S, Server, get
from tests.waiting import until

RNA = real("16s-queries")[0].fasta
BODY = {"program": "blastn", "database": "16s", "query": RNA}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    one = Provider(tmp_path_factory.mktemp("provider"))
    yield one
    one.stop()


def a_server(provider: Provider, home: Path, *options: str) -> Server:
    """Return a service that asks this provider, both started."""
    words = ["--auth", "oidc", "--oidc-issuer", provider.issuer, "--oidc-client-id", CLIENT]
    words += ["--oidc-audience", AUDIENCE, "--oidc-admin-claim", "groups=blast-admins", *options]
    return Server(home, *words, variables={"SHARDBLAST_OIDC_CLIENT_SECRET": SECRET})


@pytest.fixture(scope="module")
def server(provider: Provider, tmp_path_factory: pytest.TempPathFactory, served: dict[str, Path]) -> Iterator[Server]:
    one = a_server(provider, tmp_path_factory.mktemp("service") / "home")
    provider.redirects = [f"{one.url}/auth/callback"]
    provider.start()
    one.add_database("16s", served["16s"])
    one.start()
    yield one
    one.close()


class Browser:
    """Keeps cookies, follows nothing by itself, and says where requests come from as browsers do."""

    def __init__(self, server: Server) -> None:
        self.url = server.url
        self.http = httpx.Client(base_url=server.url, timeout=END_WITHIN_S)
        self.http.event_hooks = {"request": [self._tell_site]}
        self.site: str | None = "same-origin"

    def _tell_site(self, request: httpx.Request) -> None:
        if self.site is not None:
            request.headers["Sec-Fetch-Site"] = self.site

    def signed_in(self, name: str, path: str = "/") -> httpx.Response:
        """Sign in; return the service's last answer."""
        return self.http.get(self.sent_back(name, path))

    def sent_back(self, name: str, path: str = "/") -> str:
        """Sign in at the provider; return where it sends the browser."""
        begun = self.http.get("/auth/login", params={"next": path})
        assert begun.status_code == 303, begun.text
        return sign_in(self.http, begun, name).headers["location"]

    def me(self) -> httpx.Response:
        return self.http.get("/api/v1/me")

    @property
    def session(self) -> str | None:
        return self.http.cookies.get("shardblast", domain="127.0.0.1")


@pytest.fixture
def browsers(server: Server) -> Iterator[Callable[[], Browser]]:
    """Makes browsers."""
    with ExitStack() as stack:

        def make() -> Browser:
            one = Browser(server)
            stack.enter_context(one.http)
            return one

        yield make


@pytest.fixture
def browser(browsers: Callable[[], Browser]) -> Browser:
    return browsers()


@pytest.fixture
def ada(browser: Browser) -> Browser:
    assert browser.signed_in("ada").status_code == 303
    return browser


def owner(provider: Provider, sub: str) -> str:
    return f"oidc:{sub}@127.0.0.1:{provider.port}"


def bearer(server: Server, token: str, path: str = "/me") -> httpx.Response:
    return server.http.get(path, headers={"Authorization": f"Bearer {token}"})


def test_a_browser_signs_in_and_out(browser: Browser, provider: Provider, server: Server) -> None:
    assert browser.me().status_code == 401

    back = browser.signed_in("ada", "/searches?state=queued")

    assert (back.status_code, back.headers["location"]) == (303, "/searches?state=queued")
    shown = browser.me().json()
    assert shown == {
        "owner": owner(provider, "ada"),
        "name": "ada of the lab",
        "scopes": ["read", "search"],
        "by": "session",
    }
    search = browser.http.post("/api/v1/searches", json=BODY).json()
    assert search["owner"] == shown["owner"]
    events = browser.http.get(f"/api/v1/searches/{search['id']}/events").text  # until it is over
    assert '"state": "completed"' in events
    former = browser.session
    assert browser.http.post("/auth/logout").status_code == 204
    assert browser.session is None
    assert browser.me().status_code == 401
    assert get(f"{server.url}/api/v1/me", headers={"Cookie": f"shardblast={former}"}).status_code == 401


def test_who_has_the_claim_is_an_administrator(browser: Browser) -> None:
    browser.signed_in("root")

    assert browser.me().json()["scopes"] == ["admin", "read", "search"]


def test_cookies_are_for_this_host_and_no_script(server: Server, browser: Browser) -> None:
    begun = browser.http.get("/auth/login")
    back = browser.http.get(sign_in(browser.http, begun, "ada").headers["location"])

    for answer in (begun, back):
        for cookie in answer.headers.get_list("set-cookie"):
            assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
            assert "Domain" not in cookie
        assert answer.headers["cache-control"] == "no-store"
    assert browser.session
    assert browser.session not in server.log
    assert not server.keeps(browser.session)


def test_a_program_signs_in_with_the_issuers_token(server: Server, provider: Provider) -> None:
    shown = bearer(server, provider.robots_token()).json()

    assert (shown["owner"], shown["by"]) == (owner(provider, ROBOT), "issuer")
    assert bearer(server, provider.robots_token(), "/searches").json()["searches"] == []
    assert bearer(server, provider.signed()).json()["owner"] == owner(provider, "ada")
    assert bearer(server, provider.signed(groups=["blast-admins"])).json()["scopes"][0] == "admin"


def test_api_tokens_work_beside_it(server: Server) -> None:
    token = server.run("token", "create", "laptop", "--owner", "ada").stdout.strip()

    assert bearer(server, token).json() == {"owner": "ada", "name": "ada", "scopes": ["read", "search"], "by": "token"}


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": CLIENT},
        {"aud": "https://other.example.org/"},
        {"aud": None},
        {"aud": ["a", "b"]},
        {"iss": "https://other.example.org"},
        {"iss": None},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"exp": "never"},
        {"exp": float("nan")},
        {"nbf": 9_000_000_000},
        {"sub": None},
        {"sub": ""},
        {"sub": ["ada"]},
        {"sub": "a" * 300},
        {"sub": "ada\0"},
        {"sub": "ada\ud800"},
    ],
    ids=str,
)
def test_a_token_for_something_else_is_refused(server: Server, provider: Provider, changes: dict[str, Any]) -> None:
    answer = bearer(server, provider.signed(**changes))

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


def test_the_issuers_tokens_for_others_are_refused(server: Server, provider: Provider) -> None:
    assert bearer(server, provider.robots_token("https://other.example.org/api")).status_code == 401
    assert bearer(server, provider.signed({"typ": "logout+jwt"})).status_code == 401


def test_tokens_without_a_valid_signature_are_refused(server: Server, provider: Provider) -> None:
    def letters(value: object) -> str:
        plain = value if isinstance(value, bytes) else json.dumps(value).encode()
        return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()

    symmetric = letters({"alg": "HS256", "kid": provider.key.kid})
    signed = provider.signed()
    head, body, signature = signed.split(".")
    public = provider.key.as_pem(private=False)
    other = RSAKey.generate_key(2048)
    forged = [
        f"{letters({'alg': 'none'})}.{body}.",
        f"{letters({'alg': 'None', 'kid': provider.key.kid})}.{body}.{signature}",
        f"{symmetric}.{body}.{letters(hmac.digest(public, f'{symmetric}.{body}'.encode(), 'sha256'))}",
        jwt.encode({"alg": "RS256", "kid": provider.key.kid}, provider.claims(), other),
        jwt.encode({"alg": "RS256", "jwk": other.as_dict(private=False)}, provider.claims(), other),
        f"{head}.{letters(provider.claims(sub='root'))}.{signature}",
        f"{head}.{body}.",
        signed[:-10],
        "a.b.c",
        "a.b.c.d.e",
        "ey",
        "é",
    ]

    for token in forged:
        answer = server.http.get("/me", headers={"Authorization": f"Bearer {token}".encode()})
        assert answer.status_code == 401, token


def test_an_answer_for_another_browser_is_refused(browsers: Callable[[], Browser], browser: Browser) -> None:
    address = browsers().sent_back("mallory")

    assert browser.http.get(address).status_code == 401
    browser.http.get("/auth/login")
    assert browser.http.get(address).status_code == 401
    assert browser.session is None


def test_an_answer_counts_once(browser: Browser) -> None:
    address = browser.sent_back("ada")
    attempt = browser.http.cookies.get("shardblast-sign-in", domain="127.0.0.1")
    assert browser.http.get(address).status_code == 303
    first = browser.session

    again = browser.http.get(address)
    browser.http.cookies.clear()
    with_its_cookie = browser.http.get(address, headers={"Cookie": f"shardblast-sign-in={attempt}"})

    assert (again.status_code, with_its_cookie.status_code) == (401, 401)
    assert first
    assert browser.session is None


def test_another_issuers_answer_is_refused(browser: Browser) -> None:
    address = httpx.URL(browser.sent_back("ada"))

    for iss in ("https://other.example.org", ""):
        assert browser.http.get(address.copy_set_param("iss", iss)).status_code == 401
    assert browser.http.get(address.copy_remove_param("iss")).status_code == 401
    assert browser.http.get(address).status_code == 303


def test_a_sign_in_that_was_called_off_is_refused(browser: Browser) -> None:
    begun = browser.http.get("/auth/login").headers["location"]
    state = httpx.URL(begun).params["state"]

    answer = browser.http.get("/auth/callback", params={"state": state, "error": "access_denied"})

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "\\\\evil.example",
        "evil",
        "",
        "/é",
    ],
)
def test_nobody_is_sent_to_another_site(browser: Browser, path: str) -> None:
    assert browser.http.get("/auth/login", params={"next": path}).status_code == 422


def test_a_cookie_that_names_another_site_is_refused(browser: Browser) -> None:
    address = browser.sent_back("ada")
    attempt = browser.http.cookies.get("shardblast-sign-in", domain="127.0.0.1")
    assert attempt
    browser.http.cookies.clear()

    cookie = f"shardblast-sign-in={attempt.partition('.')[0]}.//evil.example"

    assert browser.http.get(address, headers={"Cookie": cookie}).status_code == 422


def test_a_session_is_never_one_that_was_there_before(
    server: Server, ada: Browser, browsers: Callable[[], Browser]
) -> None:
    former = ada.session

    ada.signed_in("ada")

    assert ada.session != former
    assert get(f"{server.url}/api/v1/me", headers={"Cookie": f"shardblast={former}"}).status_code == 401
    chosen = browsers()
    chosen.http.cookies.set("shardblast", "chosen-by-mallory", domain="127.0.0.1", path="/")
    chosen.signed_in("ada")
    assert chosen.session != "chosen-by-mallory"
    assert get(f"{server.url}/api/v1/me", headers={"Cookie": "shardblast=chosen-by-mallory"}).status_code == 401


def test_a_page_of_another_site_changes_nothing_with_a_cookie(server: Server, ada: Browser) -> None:
    search = ada.http.post("/api/v1/searches", json=BODY).json()
    path = f"/api/v1/searches/{search['id']}"
    delete = {"CMD": "Delete", "RID": search["id"]}
    put = {"CMD": "Put", "PROGRAM": "blastn", "DATABASE": "16s", "QUERY": RNA}

    for site, headers in (
        ("cross-site", {}),
        ("same-site", {}),
        (None, {}),
        (None, {"Origin": "null"}),
        (None, {"Origin": "http://evil.example"}),
    ):
        ada.site = site
        for method, address, more in (
            ("POST", "/api/v1/searches", {"json": BODY}),
            ("POST", f"{path}/cancel", {}),
            ("POST", f"{path}/share", {}),
            ("DELETE", path, {}),
            ("POST", "/auth/logout", {}),
            ("GET", "/blast/Blast.cgi", {"params": delete}),
            ("GET", "/blast/Blast.cgi", {"params": put}),
            ("POST", "/blast/Blast.cgi", {"data": put}),
        ):
            answer = ada.http.request(method, address, headers=headers, **more)
            assert (answer.status_code, answer.json()["code"]) == (403, "cross-site"), (site, headers, address)
    ada.site = None
    assert ada.http.get(path).status_code == 200
    assert ada.http.post(f"{path}/share", headers={"Origin": server.url}).status_code == 201
    token = server.run("token", "create", "script", "--owner", search["owner"]).stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    assert ada.http.post(f"{path}/share", headers=headers).status_code == 201


def test_another_users_search_is_not_found(ada: Browser, browsers: Callable[[], Browser]) -> None:
    search = ada.http.post("/api/v1/searches", json=BODY).json()
    path = f"/api/v1/searches/{search['id']}"
    bob, root = browsers(), browsers()
    bob.signed_in("bob")
    root.signed_in("root")

    for method, part in (("GET", ""), ("GET", "/events"), ("POST", "/cancel"), ("POST", "/share"), ("GET", "/shares")):
        assert bob.http.request(method, path + part).status_code == 404
    assert bob.http.get("/api/v1/searches").json()["searches"] == []
    assert root.http.get(path).status_code == 200


def test_public_addresses_and_safe_cookies_come_from_the_settings(
    provider: Provider, server: Server, tmp_path: Path
) -> None:
    public = a_server(provider, tmp_path / "home", "--public-url", "https://blast.example.org/")
    public.start()
    try:
        begun = public.http.get(f"{public.url}/auth/login", headers={"Host": "evil.example"})

        address = httpx.URL(begun.headers["location"])
        assert address.params["redirect_uri"] == "https://blast.example.org/auth/callback"
        assert address.params["code_challenge_method"] == "S256"
        (cookie,) = begun.headers.get_list("set-cookie")
        assert cookie.startswith("__Host-shardblast-sign-in=")
        assert "Secure" in cookie
        cookies = {"Cookie": "__Host-shardblast=x", "Origin": "https://blast.example.org"}
        assert public.http.post("/searches", json=BODY, headers=cookies).status_code == 401
        cookies["Origin"] = "http://evil.example"
        assert public.http.post("/searches", json=BODY, headers=cookies | {"Host": "evil.example"}).status_code == 403
    finally:
        public.close()


def test_new_keys_of_the_issuer_are_accepted_and_old_ones_are_rejected(
    tmp_path: Path, served: dict[str, Path], server: Server
) -> None:
    provider = Provider(tmp_path)
    provider.start()
    other = a_server(provider, tmp_path / "home")
    other.start()
    try:
        old = provider.signed()
        assert bearer(other, old).status_code == 200

        provider.rotate()

        until(lambda: bearer(other, provider.signed()).status_code == 200)
        assert bearer(other, old).status_code == 401
    finally:
        other.close()
        provider.stop()


def test_unknown_keys_do_not_make_the_service_read_the_keys_again_and_again(server: Server, provider: Provider) -> None:
    before, began = provider.log.count("GET /jwks"), time.monotonic()

    for number in range(40):
        assert bearer(server, provider.signed({"kid": f"unknown {number}"})).status_code == 401

    may = 1 + int((time.monotonic() - began) / 10)
    assert provider.log.count("GET /jwks") - before <= may


def test_without_the_issuer_api_tokens_work_and_sign_in_waits(tmp_path: Path) -> None:
    provider = Provider(tmp_path)
    server = a_server(provider, tmp_path / "home")
    token = server.run("token", "create", "laptop", "--owner", "ada").stdout.strip()
    server.start()
    try:
        waiting = [bearer(server, provider.signed()), server.http.get(f"{server.url}/auth/login")]

        assert [(one.status_code, one.json()["code"]) for one in waiting] == [(503, "network")] * 2
        assert "API tokens" in waiting[0].json()["remedy"]
        assert bearer(server, token).status_code == 200
        assert "sign-in is impossible" in server.log
        provider.start()
        until(lambda: bearer(server, provider.signed()).status_code == 200)
        provider.stop()
        assert bearer(server, provider.signed()).status_code == 200  # its keys are known
    finally:
        server.close()
        provider.stop()


def test_no_secret_is_in_the_log(server: Server, ada: Browser, provider: Provider) -> None:
    token = provider.signed()
    bearer(server, token)
    bearer(server, token[:-5])

    assert SECRET not in server.log
    assert token[:100] not in server.log
    assert "code=" not in server.log
