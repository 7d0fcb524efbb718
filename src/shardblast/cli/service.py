"""``shardblast serve``: its options are the service's table of settings."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

from shardblast.cli.options import Log
from shardblast.service.settings import TABLE, Setting

service = typer.Typer(add_completion=False, rich_markup_mode=None)


def serve(log_format: Log = None, **given: Any) -> int:
    """Serve searches over HTTP, on this machine's BLAST+, until stopped.

    Each option can also be set by a variable, as the reference lists. Searches that run when the service ends, however
    it ends, continue when it starts again.
    """
    from shardblast.bootstrap.databases import settings_of
    from shardblast.cli.openid import checked
    from shardblast.cli.serve import serve

    return serve(checked(settings_of(**given)), log_format)


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
