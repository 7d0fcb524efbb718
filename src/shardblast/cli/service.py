"""``shardblast serve`` and ``shardblast token``: their options."""

import inspect
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from shardblast.cli.databases import administration_of
from shardblast.cli.options import Home, Log, describe
from shardblast.service.settings import TABLE, Setting

service = typer.Typer(add_completion=False, rich_markup_mode=None)

tokens = typer.Typer(add_completion=False, rich_markup_mode=None, help="The API tokens of a service.")


def serve(log_format: Log = None, **given: Any) -> int:
    """Run the service until stopped: the HTTP interface and the web page.

    Each option can also be set by an environment variable, which the reference lists. Searches that run when the
    service ends, even by a crash, resume when it starts again.
    """
    from shardblast.bootstrap.databases import settings_of
    from shardblast.cli.serve import checked, serve

    return serve(checked(settings_of(**given)), log_format)


class ScopeName(StrEnum):
    """Rights of a token."""

    READ = "read"
    SEARCH = "search"
    ADMIN = "admin"


@tokens.command("create", short_help="Create a token and print it.")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Purpose of the token.")],
    owner: Annotated[str, typer.Option("--owner", help="User the token belongs to.")],
    scope: Annotated[
        list[ScopeName] | None, typer.Option("--scope", help="Right of the token; may be given several times.")
    ] = None,
    days: Annotated[float | None, typer.Option("--days", min=0, help="Days until the token expires.")] = None,
    home: Home = None,
) -> int:
    """Create a token and print it. It is shown only once. The default scopes are read and search."""
    from shardblast.bootstrap.databases import home_made, settings_of
    from shardblast.service.callers import Scope
    from shardblast.service.identity import create_token

    wanted = [Scope(name.value) for name in scope or (ScopeName.READ, ScopeName.SEARCH)]
    with home_made(settings_of(home=home)) as administration:
        sys.stdout.write(create_token(administration.tokens, name, owner, wanted, days) + "\n")
    return 0


@tokens.command("list", short_help="List the tokens.")
def list_tokens(home: Home = None) -> int:
    """List the tokens (without their values)."""
    for token in administration_of(home).tokens.all():
        state = "revoked" if token.revoked else "expired" if token.expires and token.expires < time.time() else "valid"
        sys.stdout.write(f"{token.id}  {state}  {token.owner}  {','.join(token.scopes)}  {token.name}\n")
    return 0


@tokens.command("revoke", short_help="Revoke a token.")
def revoke(token_id: Annotated[str, typer.Argument(metavar="ID")], home: Home = None) -> int:
    """Revoke a token at once."""
    administration_of(home).tokens.revoke(token_id, time.time())
    return 0


def _parameter(field: str, setting: Setting) -> inspect.Parameter:
    """Return the parameter from which Typer makes the option of a setting."""
    is_path = setting.in_file or setting.default is None  # bootstrap reads the file or supplies the default home
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


def _add_options() -> None:
    """Give ``serve`` a signature with all settings, from which Typer makes its options."""
    (log, _) = inspect.signature(serve, eval_str=True).parameters.values()
    parameters = [*(_parameter(field, setting) for field, setting in TABLE.items()), log.replace(kind=log.KEYWORD_ONLY)]
    describe(serve, parameters)


_add_options()
service.command(short_help="Run the service.")(serve)
