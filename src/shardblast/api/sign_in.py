"""``/auth``: browsers sign in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, status
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from shardblast.api.context import ServiceDep
from shardblast.api.cookies import ATTEMPT, SESSION, attempt_of, session_of, set_cookie
from shardblast.service.sign_in import ATTEMPT_S, Attempt

router = APIRouter(prefix="/auth", tags=["sign-in"])
Path = Annotated[str, Query(alias="next", max_length=1000, description="A path of this service to end at")]


class WaysOut(BaseModel):
    """How people may come in, besides by an API token."""

    browser: bool = Field(description="At /auth/login")


@router.get("/ways")
def list_ways(service: ServiceDep) -> WaysOut:
    """Tell how people may sign in."""
    return WaysOut(browser=service.settings.signs_in_browsers)


@router.get("/login", status_code=status.HTTP_303_SEE_OTHER, response_class=RedirectResponse)
def login(service: ServiceDep, path: Path = "/") -> Response:
    """Send a browser to the issuer to sign in."""
    attempt, address = service.identity.sign_in.begin(path)
    response = RedirectResponse(address, status.HTTP_303_SEE_OTHER, {"Cache-Control": "no-store"})
    set_cookie(response, service, ATTEMPT, str(attempt), ATTEMPT_S)
    return response


@router.get("/callback", status_code=status.HTTP_303_SEE_OTHER, response_class=RedirectResponse)
def callback(request: Request, service: ServiceDep) -> Response:
    """Take a browser that the issuer sends back; its session is always a new one."""
    sign_in = service.identity.sign_in
    remembered = attempt_of(request, service)
    attempt = None if remembered is None else Attempt.parse(remembered)
    secret = sign_in.finish(attempt, request.query_params)
    if (former := session_of(request, service)) is not None:
        service.sessions.end(former)
    target = "/" if attempt is None else attempt.next
    response = RedirectResponse(target, status.HTTP_303_SEE_OTHER, {"Cache-Control": "no-store"})
    set_cookie(response, service, SESSION, secret, service.sessions.seconds)
    set_cookie(response, service, ATTEMPT, "", 0)
    return response


class TokenIn(BaseModel):
    """An API token, as its holder types it."""

    token: str = Field(min_length=1, max_length=1000)


@router.post("/token", status_code=status.HTTP_204_NO_CONTENT)
def sign_in_with_token(body: TokenIn, request: Request, response: Response, service: ServiceDep) -> None:
    """Begin a session of a browser by an API token; it ends with the token."""
    secret = service.identity.begin_session(body.token.strip())
    if (former := session_of(request, service)) is not None:
        service.sessions.end(former)
    set_cookie(response, service, SESSION, secret, service.sessions.seconds)


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT)
def logout(request: Request, response: Response, service: ServiceDep) -> None:
    """End the browser's session here; the issuer's own goes on."""
    if (secret := session_of(request, service)) is not None:
        service.sessions.end(secret)
    set_cookie(response, service, SESSION, "", 0)
