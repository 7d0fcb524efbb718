"""Taxids of a search with what descends from them, where a taxonomy file is at hand.

A search keeps the taxids that its user gave; what they stand for is looked up when it is prepared and kept beside it,
so that it stays the same whatever becomes of the taxonomy, and whatever version of BLAST+ a server has.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shardblast.blast.taxonomy import with_descendants
from shardblast.core.groups import TAXID_FILTERS

EXPANSION = "taxids.txt"
AS_THEY_STAND = "-no_taxid_expansion"


def write_expansion(words: Sequence[str], folder: Path, taxonomy: Path | None) -> None:
    """Write all taxids that a search's words stand for, if it names some and there is a taxonomy.

    Args:
        words: With the lists named where they lie.
        folder: Of the search.
        taxonomy: The file; None if there is none.

    Raises:
        DatabaseError: The file can't be read.
    """
    name, value = _filter(words)
    if taxonomy is None or name is None or AS_THEY_STAND in words:
        return
    text = Path(value).read_text() if name.endswith("taxidlist") else value.replace(",", "\n")
    taxids = with_descendants(taxonomy, map(int, text.split()))
    partial = folder / f"{EXPANSION}.partial"
    partial.write_text("".join(f"{taxid}\n" for taxid in taxids))
    partial.replace(folder / EXPANSION)


def filter_words(words: Sequence[str], folder: Path, *, known: bool) -> list[str]:
    """Return a search's words with its taxids as they were looked up, so that BLAST+ does not look them up itself.

    Args:
        words: With the lists named where they lie.
        folder: Of the search.
        known: Whether BLAST+ has ``-no_taxid_expansion``.
    """
    name, value = _filter(words)
    if name is None:
        return list(words)
    place = list(words).index(f"-{name}")
    rest = [word for word in (*words[:place], *words[place + 2 :]) if word != AS_THEY_STAND]
    if (folder / EXPANSION).exists():
        name, value = ("negative_" if name.startswith("negative") else "") + "taxidlist", str(folder / EXPANSION)
    return [*rest, f"-{name}", value, *([AS_THEY_STAND] if known else [])]


def told(words: Sequence[str], folder: Path) -> dict[str, Any] | None:
    """Return what was made of a search's taxids, for its report; None if it has none."""
    if _filter(words)[0] is None:
        return None
    if not (folder / EXPANSION).exists():
        return {"with_descendants": False, "taxids": None}
    return {"with_descendants": True, "taxids": len((folder / EXPANSION).read_text().split())}


def _filter(words: Sequence[str]) -> tuple[str | None, str]:
    """Return the option that names taxids, and its value."""
    for place, word in enumerate(words[:-1]):
        if word.startswith("-") and word[1:] in TAXID_FILTERS:
            return word[1:], words[place + 1]
    return None, ""
