"""Checks settings of the service that depend on each other, before it starts."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from shardblast.core.errors import UsageError
from shardblast.service.issuer import checked_address
from shardblast.service.settings import Settings


def checked(settings: Settings) -> Settings:
    """Return the settings with a public address that has no slash at its end.

    Raises:
        UsageError: A setting is missing or wrong.
    """
    if settings.signs_in_browsers:
        _check_open_id(settings)
    return replace(settings, public_url=_checked_url(settings.public_url))


def _check_open_id(settings: Settings) -> None:
    if not settings.oidc_issuer or not settings.oidc_client_id:
        raise UsageError("--auth oidc needs an issuer.", remedy="Add --oidc-issuer URL and --oidc-client-id ID.")
    try:
        checked_address(settings.oidc_issuer)
    except ValueError as error:
        raise UsageError(
            f"{settings.oidc_issuer} is not a safe place to sign in.", remedy="Use an https:// address."
        ) from error
    if "openid" not in settings.oidc_scopes.split():
        raise UsageError("Without the scope 'openid' the provider names nobody.", remedy="Add it to --oidc-scopes.")
    name, _, value = settings.oidc_admin_claim.partition("=")
    if settings.oidc_admin_claim and not (name and value):
        raise UsageError("--oidc-admin-claim has no value.", remedy="Write it as groups=blast-admins.")


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    plain = f"{parts.scheme}://{parts.netloc}"
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or url.rstrip("/") != plain):
        raise UsageError(f"{url!r} is not the address of a service.", remedy="Write --public-url https://NAME.")
    return plain if url else ""
