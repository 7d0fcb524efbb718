"""``shardblast token``: who may use a service, on its machine."""

from __future__ import annotations

import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shardblast.cli.options import Home

if TYPE_CHECKING:
    from shardblast.bootstrap.databases import Administration

tokens = typer.Typer(add_completion=False, rich_markup_mode=None, help="The API tokens of a service.")


class ScopeName(StrEnum):
    """What a token allows."""

    READ = "read"
    SEARCH = "search"
    ADMIN = "admin"


@tokens.command("create", short_help="Make a token and print it.")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    owner: Annotated[str, typer.Option("--owner", help="Whose searches it makes and sees.")],
    scope: Annotated[list[ScopeName] | None, typer.Option("--scope", help="May be given several times.")] = None,
    days: Annotated[float | None, typer.Option("--days", min=0, help="After which it is void.")] = None,
    home: Home = None,
) -> int:
    """Make a token and print it, this once: only its hash is kept. Without --scope it allows to read and to search."""
    from shardblast.service.callers import Scope
    from shardblast.service.identity import create_token

    wanted = [Scope(one.value) for one in scope or (ScopeName.READ, ScopeName.SEARCH)]
    sys.stdout.write(create_token(_administration(home, makes_home=True).tokens, name, owner, wanted, days) + "\n")
    return 0


@tokens.command("list", short_help="List the tokens.")
def list_tokens(home: Home = None) -> int:
    """List the tokens, but not what they are."""
    for token in _administration(home).tokens.all():
        state = "revoked" if token.revoked else "expired" if token.expires and token.expires < time.time() else "valid"
        sys.stdout.write(f"{token.id}  {state}  {token.owner}  {','.join(token.scopes)}  {token.name}\n")
    return 0


@tokens.command("revoke", short_help="Make a token void.")
def revoke(token_id: Annotated[str, typer.Argument(metavar="ID")], home: Home = None) -> int:
    """Make a token void at once."""
    _administration(home).tokens.revoke(token_id, time.time())
    return 0


def _administration(home: Path | None, *, makes_home: bool = False) -> Administration:
    from shardblast.bootstrap.databases import administration, settings_of

    return administration(settings_of(home=home), makes_home=makes_home)
