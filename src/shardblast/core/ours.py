"""The options that BLAST+ does not have, with two dashes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from shardblast.core.errors import InputError, UsageError

Shards = Literal["auto", "off"] | int
Engine = Literal["local", "dask"]

OUR_NAMES = ("shards", "exactness", "report", "quiet", "keep", "engine", "scheduler")
OUR_HELP = """\
 *** shardblast options
 --shards <auto, off, or a number>
   Shards of the database; auto: whatever is fastest, off: BLAST+ itself
   Default = `auto'
 --exactness <identical, complete>
   What saturated queries get: the bytes of BLAST+, or the best of all hits
   Default = `identical'
 --engine <local, dask>
   Where to search: this machine, or a cluster; -db then names a database of SHARDBLAST_STORAGE
   Default = `local'
 --scheduler <Address>
   Of the cluster, like tls://HOST:8786
 --report <File_Out>
   Write verdicts, shards and timings as JSON
 --keep <Folder>
   Leave pieces and merged files there
 --quiet
   No progress on standard error
 -num_threads is the budget of cores; without it all cores are used.
"""


class Exactness(StrEnum):
    """What a search promises of saturated queries."""

    IDENTICAL = "identical"
    """The bytes of an unsharded BLAST+ run."""
    COMPLETE = "complete"
    """The best subjects of all that any shard kept."""


@dataclass(frozen=True, slots=True)
class OurOptions:
    """The options that BLAST+ does not have."""

    shards: Shards = "auto"
    """A number of shards (1 or more), "auto": whatever is fastest, "off": BLAST+ itself."""
    exactness: Exactness = Exactness.IDENTICAL
    report: str | None = None
    """File for the report."""
    quiet: bool = False
    keep: str | None = None
    """Folder in which to leave the pieces."""
    engine: Engine = "local"
    scheduler: str | None = None
    """Address of a Dask scheduler."""


def take_ours(word: str, words: Iterator[str], ours: dict[str, str]) -> None:
    """Note an option of ours, with the value that follows it.

    Raises:
        UsageError: There is none of that name, it was given before, or its value is missing.
    """
    name, sign, value = word[2:].partition("=")
    if name not in OUR_NAMES:
        known = ", ".join(f"--{known}" for known in OUR_NAMES)
        raise UsageError(f"Unknown option '--{name}'.", remedy=f"Ours are {known}; those of BLAST+ have one dash.")
    if name in ours:
        raise UsageError(f"--{name} is given twice.", remedy="Give it once.")
    if name == "quiet":
        if sign:
            raise UsageError("--quiet takes no value.", remedy="Write --quiet alone.")
        ours[name] = ""
        return
    ours[name] = value if sign else next_word(f"--{name}", words, UsageError)
    if not ours[name]:
        raise UsageError(f"--{name} has an empty value.", remedy="Write the value after it.")


def next_word(option: str, words: Iterator[str], error: type[InputError]) -> str:
    """Return the value that follows an option; ``error`` if there is none."""
    value = next(words, None)
    if value is None:
        raise error(f"{option} has no value.", remedy="Write the value after it.")
    return value


def our_options(ours: Mapping[str, str]) -> OurOptions:
    """Return our options of what was given for them.

    Raises:
        UsageError: A value is wrong.
    """
    return OurOptions(
        shards=_shards(ours.get("shards", "auto")),
        exactness=_exactness(ours.get("exactness", Exactness.IDENTICAL)),
        report=ours.get("report"),
        quiet="quiet" in ours,
        keep=ours.get("keep"),
        engine=_engine(ours.get("engine", "local")),
        scheduler=ours.get("scheduler"),
    )


def _shards(text: str) -> Shards:
    match text:
        case "auto":
            return "auto"
        case "off":
            return "off"
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0:
        return int(text)
    raise UsageError(f"--shards: {text!r} is no number of shards.", remedy="Write auto, off, or 1 or more.")


def _exactness(text: str) -> Exactness:
    try:
        return Exactness(text)
    except ValueError:
        raise UsageError(f"--exactness: unknown {text!r}.", remedy="Write identical or complete.") from None


def _engine(text: str) -> Engine:
    match text:
        case "local":
            return "local"
        case "dask":
            return "dask"
    raise UsageError(f"--engine: unknown {text!r}.", remedy="Write local or dask.")
