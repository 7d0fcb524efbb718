"""NCBI BLAST+ over a sharded database, with byte-for-byte the output of an unsharded run."""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers recognise the name, and importing typing would take 15 ms
if TYPE_CHECKING:
    from shardblast.core import __version__
    from shardblast.core.errors import ShardblastError
    from shardblast.core.result import Hit, Hsp, QueryResult
    from shardblast.library import search

__all__ = ["Hit", "Hsp", "QueryResult", "ShardblastError", "__version__", "search"]

_HOMES = {
    "Hit": "shardblast.core.result",
    "Hsp": "shardblast.core.result",
    "QueryResult": "shardblast.core.result",
    "ShardblastError": "shardblast.core.errors",
    "__version__": "shardblast.core",
    "search": "shardblast.library",
}


def __getattr__(name: str) -> object:
    """Import a public name on first use, so that the command starts fast."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
