"""What a stored search keeps of its list of ids or taxids, so that its result can be printed later."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from shardblast.blast.alias import write_alias
from shardblast.blast.database import Database
from shardblast.blast.filter import Filter, Totals

FACTS = "merged/filter"
LIST = "merged/listed"
"""The list itself, where sequences have other titles too than those that it names."""


@dataclass(frozen=True, slots=True)
class StoredFilter:
    """That of one stored search."""

    folder: Path
    """The search's own."""

    def keep(self, chosen: Filter) -> None:
        """Write down what a filter leaves."""
        if chosen.line is not None:
            shutil.copyfile(self.folder / chosen.line.split()[1], self.folder / LIST)
        facts = {"totals": asdict(chosen.totals), "kind": chosen.line and chosen.line.split()[0]}
        partial = self.folder / "filter.partial"
        partial.write_text(json.dumps(facts))
        partial.replace(self.folder / FACTS)

    @property
    def hides_titles(self) -> bool:
        """Whether the search shows some titles of a sequence and not others."""
        facts = self._facts()
        return facts is not None and facts["kind"] is not None

    def applied(self, database: Database, scratch: Path) -> Database:
        """Return a database as the search saw it, for its statistics and its titles.

        Args:
            database: The whole one.
            scratch: A folder for an alias of the same name, which hides what the list does not name.
        """
        facts = self._facts()
        if facts is None:
            return database
        seen = replace(database, filter=Filter((), (), Totals(**facts["totals"])))
        if facts["kind"] is None:
            return seen
        folder = scratch / "listed"
        folder.mkdir()
        shutil.copyfile(self.folder / LIST, folder / "list")
        volumes = [volume.path for volume in database.volumes]
        totals = Totals(database.num_seqs, database.letters)
        lines = [f"{facts['kind']} list"]
        write_alias(
            folder, database.name, replace(database, filter=None), volumes, lines, database.title, printed=totals
        )
        found_in = os.pathsep.join([str(folder), database.search_path or os.environ.get("BLASTDB", "")])
        return replace(seen, search_path=found_in)

    def _facts(self) -> dict[str, Any] | None:
        path = self.folder / FACTS
        return json.loads(path.read_text()) if path.exists() else None
