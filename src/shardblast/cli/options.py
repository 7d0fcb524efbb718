"""Options that several commands share, and their values."""

import inspect
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import is_dataclass
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from shardblast.core.errors import InputError

DEFAULT_SERVER = "http://127.0.0.1:8642"
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "KB": 10**3, "MB": 10**6, "GB": 10**9}


class LogFormat(StrEnum):
    """Formats of the log on standard error."""

    TEXT = "text"
    JSON = "json"


Server = Annotated[str, typer.Option("--server", envvar="SHARDBLAST_SERVER", help="Address of the service.")]
Home = Annotated[Path | None, typer.Option("--home", metavar="FOLDER", help="Home folder of the service.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress on standard error.")]
Log = Annotated[
    LogFormat | None, typer.Option("--log-format", help="text or json; default: text on a terminal, otherwise json.")
]


def grouped(command: Callable[..., int]) -> Callable[..., int]:
    """Return a command that has the fields of its dataclasses, as Typer expects parameters, in place of these."""
    signature = inspect.signature(command, eval_str=True)
    kinds: dict[str, Any] = {
        name: one.annotation for name, one in signature.parameters.items() if is_dataclass(one.annotation)
    }
    groups = {name: inspect.signature(kind, eval_str=True).parameters for name, kind in kinds.items()}
    parameters = [
        parameter.replace(kind=parameter.KEYWORD_ONLY)
        for name, one in signature.parameters.items()
        for parameter in groups.get(name, {name: one}).values()
    ]

    @wraps(command)
    def spread(**given: Any) -> int:
        for name, kind in kinds.items():
            given[name] = kind(**{field: given.pop(field) for field in groups[name]})
        return command(**given)

    describe(spread, parameters)
    return spread


def describe(command: Callable[..., int], parameters: Sequence[inspect.Parameter]) -> None:
    """Make Typer see these parameters of a command."""
    command.__signature__ = inspect.Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}


def write_json(document: object) -> None:
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def bytes_of(text: str) -> int:
    """Return a size such as 128GiB in bytes; a number without a unit is in bytes."""
    number = text.rstrip("KMGTiB ")
    try:
        return int(float(number) * UNITS.get(text[len(number) :].strip(), 1))
    except (ValueError, OverflowError):
        raise InputError(f"{text!r} is not a size.", remedy="Give a number and a unit, such as 128GiB.") from None
