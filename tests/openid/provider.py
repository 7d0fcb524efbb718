"""A real OpenID provider (npm's oidc-provider) on loopback, which tests may stop and give other keys."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from joserfc.jwk import RSAKey
from joserfc.jws import serialize_compact

from tests.postgres import free_port

HERE = Path(__file__).parent
MODULE = HERE.parents[1] / ".tools" / "openid" / "node_modules" / "oidc-provider" / "lib" / "index.js"
START_WITHIN_S = 300.0
CLIENT = "shardblast"
SECRET = "a secret: of 100 % & more"
ROBOT = "robot"
AUDIENCE = "https://blast.example.org/api"


class Provider:
    """An OpenID provider that believes every user's name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.key = self._new_key("first")
        self.redirects: list[str] = []

    def _new_key(self, kid: str) -> RSAKey:
        return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})

    def start(self) -> None:
        node = shutil.which("node")
        assert node, "node is missing: run scripts/test-needs"
        assert MODULE.exists(), "the OpenID provider is missing: run scripts/test-needs"
        client = {"client_id": CLIENT, "client_secret": SECRET, "redirect_uris": self.redirects}
        robot = {
            "client_id": ROBOT,
            "client_secret": SECRET,
            "redirect_uris": [],
            "response_types": [],
            "grant_types": ["client_credentials"],
        }
        settings = {"port": self.port, "clients": [client, robot], "jwks": {"keys": [self.key.as_dict(private=True)]}}
        file = self._folder / "provider.json"
        file.write_text(json.dumps(settings))
        with (self._folder / "provider.log").open("ab") as log:
            self._process = subprocess.Popen([node, HERE / "provider.mjs", MODULE, file], stdout=log, stderr=log)
        deadline = time.monotonic() + START_WITHIN_S
        while True:
            try:
                if httpx.get(f"{self.issuer}/.well-known/openid-configuration").is_success:
                    return
            except httpx.TransportError:
                assert self._process.poll() is None, self.log
                assert time.monotonic() < deadline, self.log
                time.sleep(0.05)

    @property
    def log(self) -> str:
        return (self._folder / "provider.log").read_text()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=START_WITHIN_S)
            self._process = None

    def rotate(self) -> None:
        """Go on with another key."""
        self.stop()
        self.key = self._new_key("second")
        self.start()

    def robots_token(self, audience: str = AUDIENCE) -> str:
        """Return a token that the provider gives to a program."""
        form = {"grant_type": "client_credentials", "resource": audience}
        known = {"client_id": ROBOT, "client_secret": SECRET}
        answer = httpx.post(f"{self.issuer}/token", data={**form, **known}, timeout=START_WITHIN_S)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return what a token of this issuer says, with changes; None takes a claim away."""
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 600, **changes}
        return {name: value for name, value in claims.items() if value is not None}

    def signed(self, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """Return a token signed with the provider's own key."""
        protected = {"alg": "RS256", "kid": self.key.kid, **(header or {})}
        return serialize_compact(protected, json.dumps(self.claims(**changes)), self.key)


def sign_in(browser: httpx.Client, at: httpx.Response, name: str) -> httpx.Response:
    """Fill in the provider's pages from a redirect to it; return its answer that sends the browser back."""
    page = at
    for _ in range(10):
        if "/auth/callback" in page.headers.get("location", ""):
            return page
        if page.is_redirect:
            page = browser.get(page.next_request.url if page.next_request else "")
            continue
        action, prompt = re.search(r'action="([^"]+)"', page.text), re.search(r'name="prompt" value="(\w+)"', page.text)
        assert action, page.text
        assert prompt, page.text
        fields = {"prompt": prompt[1], "login": name, "password": "any"}
        page = browser.post(httpx.URL(str(page.url)).join(action[1]), data=fields)
    raise AssertionError(f"still at {page.url}")
