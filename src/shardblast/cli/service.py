"""``shardblast serve`` and ``shardblast token``: their options, and the settings that they make."""

from __future__ import annotations

import inspect
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shardblast.cli.options import Home, Log
from shardblast.service.settings import TABLE, Setting

if TYPE_CHECKING:
    from shardblast.bootstrap.databases import Administration

service = typer.Typer(add_completion=False, rich_markup_mode=None)

tokens = typer.Typer(add_completion=False, rich_markup_mode=None, help="The API tokens of a service.")


def serve(log_format: Log = None, **given: Any) -> int:
    """Serve searches over HTTP, on this machine's BLAST+, until stopped.

    Each option can also be set by a variable, as the reference lists. Searches that run when the service ends, however
    it ends, continue when it starts again.
    """
    from shardblast.bootstrap.databases import settings_of
    from shardblast.cli.serve import checked, serve

    return serve(checked(settings_of(**given)), log_format)


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


def _parameter(field: str, setting: Setting) -> inspect.Parameter:
    """Return what Typer reads an option from."""
    is_path = setting.in_file or setting.default is None  # bootstrap reads the file, and knows the default home
    kind, default = (Path | None, None) if is_path else (setting.kind, setting.default)
    option = typer.Option(
        setting.option,
        envvar=None if is_path else setting.variable,
        metavar=setting.metavar,
        min=setting.least,
        max=setting.most,
        help=setting.meaning,
    )
    return inspect.Parameter(field, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


def _with_options_of_the_table() -> None:
    """Give ``serve`` the signature that Typer makes its options from."""
    (log, _) = inspect.signature(serve, eval_str=True).parameters.values()
    parameters = [*(_parameter(field, setting) for field, setting in TABLE.items()), log.replace(kind=log.KEYWORD_ONLY)]
    serve.__signature__ = inspect.Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]
    serve.__annotations__ = {one.name: one.annotation for one in parameters}


_with_options_of_the_table()
service.command(short_help="Serve searches over HTTP.")(serve)


def _administration(home: Path | None, *, makes_home: bool = False) -> Administration:
    from shardblast.bootstrap.databases import administration, settings_of

    return administration(settings_of(home=home), makes_home=makes_home)
