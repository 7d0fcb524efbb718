"""Options that several commands share, and their values."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

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


def bytes_of(text: str) -> int:
    """Return a size such as 128GiB in bytes; a number without a unit is in bytes."""
    number = text.rstrip("KMGTiB ")
    try:
        return int(float(number) * UNITS.get(text[len(number) :].strip(), 1))
    except (ValueError, OverflowError):
        raise InputError(f"{text!r} is not a size.", remedy="Give a number and a unit, such as 128GiB.") from None
