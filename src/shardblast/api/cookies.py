"""The two cookies that browsers get: one for a session, one for a sign-in that has begun."""

from __future__ import annotations

from fastapi import Request, Response

from shardblast.bootstrap.service import Service

SESSION = "shardblast"
ATTEMPT = "shardblast-sign-in"


def session_of(request: Request, service: Service) -> str | None:
    """Return the secret of the session that a request relies on: one with a token relies on none."""
    if "authorization" in request.headers:
        return None
    return request.cookies.get(_name(service, SESSION))


def attempt_of(request: Request, service: Service) -> str | None:
    """Return what a browser remembers of a sign-in that it has begun."""
    return request.cookies.get(_name(service, ATTEMPT))


def set_cookie(response: Response, service: Service, name: str, value: str, seconds: float) -> None:
    """Give a browser a cookie that no script and no other site's form sees; 0 seconds take it away."""
    response.set_cookie(
        _name(service, name),
        value,
        max_age=int(seconds),
        path="/",
        secure=service.settings.is_secure,
        httponly=True,
        samesite="lax",
    )


def _name(service: Service, name: str) -> str:
    """Return a name under which browsers take a cookie from this host alone, where they can tell."""
    return f"__Host-{name}" if service.settings.is_secure else name
