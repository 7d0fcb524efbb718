"""What ``serve`` is told of an OpenID Connect issuer."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from shardblast.core.errors import UsageError
from shardblast.service.issuer import checked_address
from shardblast.service.settings import OpenId

SECRET = "SHARDBLAST_OIDC_CLIENT_SECRET"


def open_id(
    issuer: str, client_id: str, secret_file: Path | None, audience: str, scopes: str, admin_claim: str
) -> OpenId:
    """Return the settings of ``--auth oidc``.

    Raises:
        UsageError: Something is missing or wrong.
    """
    if not issuer or not client_id:
        raise UsageError("--auth oidc needs an issuer.", remedy="Add --oidc-issuer URL and --oidc-client-id ID.")
    try:
        checked_address(issuer)
    except ValueError as error:
        raise UsageError(f"{issuer} is no safe place to sign in.", remedy="Use an https:// address.") from error
    if "openid" not in scopes.split():
        raise UsageError("Without the scope 'openid' nobody is named.", remedy="Add it to --oidc-scopes.")
    name, _, value = admin_claim.partition("=")
    if admin_claim and not (name and value):
        raise UsageError("--oidc-admin-claim has no value.", remedy="Write it as groups=blast-admins.")
    claim = (name, value) if admin_claim else None
    return OpenId(issuer, client_id, _secret(secret_file), audience, scopes, claim)


def checked_url(url: str) -> str:
    """Return a public address without a slash at its end.

    Raises:
        UsageError: It is none, or has a path.
    """
    parts = urlsplit(url)
    plain = f"{parts.scheme}://{parts.netloc}"
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or url.rstrip("/") != plain):
        raise UsageError(f"{url!r} is no address of a service.", remedy="Write --public-url https://NAME.")
    return plain if url else ""


def _secret(file: Path | None) -> str:
    """Return the client's secret; never from a word of the command line, which others on the machine can read."""
    if file is None:
        return os.environ.get(SECRET, "")
    try:
        return file.read_text().strip()
    except (OSError, UnicodeError) as error:
        raise UsageError(f"The client's secret can't be read from {str(file)!r}.", remedy="Check the file.") from error
