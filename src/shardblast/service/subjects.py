"""The subjects of a result as FASTA: whole, or a region of one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from shardblast.blast.database import Database
from shardblast.blast.installation import Installation
from shardblast.blast.subjects import Key, Region, write_subjects
from shardblast.core.errors import DatabaseError, InputError, NotFoundError, TooLargeError
from shardblast.core.numbers import Numbers
from shardblast.core.program import Molecule, Program
from shardblast.core.search import Search, SearchId
from shardblast.engine.chosen import Chosen, alignments_of, keys_of
from shardblast.engine.cutting import batches_of
from shardblast.engine.sequences import HitSequences
from shardblast.engine.stored import stored_plan
from shardblast.service.catalogue import Catalogue
from shardblast.service.folders import Folders
from shardblast.service.hits import ChosenHit
from shardblast.service.results import Results, check_queries

MOST_LETTERS = 1 << 31
"""Of one answer."""


@dataclass(frozen=True, slots=True)
class Subjects:
    """Reads the sequences that a search has hit."""

    results: Results
    catalogue: Catalogue
    installation: Installation
    folders: Folders

    @contextmanager
    def fasta(
        self, search_id: SearchId, queries: Numbers | None, hits: Numbers | None, region: Region | None
    ) -> Iterator[Path]:
        """Write subjects, each once, into a file that is there as long as the context.

        Args:
            search_id: A completed search.
            queries: The 0-based numbers of those whose hits are meant; None for all.
            hits: Of one query the 0-based ranks; None for all.
            region: The part to write, of one hit alone; None for all of it.

        Raises:
            ConflictError: The search is not completed.
            InputError: There is no such query, hit or region.
            TooLargeError: They have too many letters.
            NotFoundError: The database's generation is gone, and its hit sequences could not be kept.
            DatabaseChanged: Its files are others by now, and so on.
        """
        search = self.results.completed(search_id)
        check_queries(search, queries)
        chosen = self._chosen(search, queries, hits)
        _check(search, chosen, region)
        folder = self.results.folder(search_id)
        with ExitStack() as stack:
            scratch = Path(stack.enter_context(TemporaryDirectory(dir=self.folders.scratch)))
            database = stack.enter_context(self._sequences(search, folder, scratch))
            work = scratch / "work"
            work.mkdir()
            keys = _keys(search, database, folder, chosen, work)
            write_subjects(self.installation, database, keys, region, work, scratch / "subjects")
            yield scratch / "subjects"

    def _chosen(self, search: Search, queries: Numbers | None, hits: Numbers | None) -> dict[int, list[ChosenHit]]:
        """Return the hits that are asked for, by query."""
        if hits is not None and (queries is None or queries.only is None):
            raise InputError("Hits are those of one query.", remedy="Name the query by its number, from 0.")
        numbers = range(search.queries) if queries is None else queries.below(search.queries)
        with self.results.index(search.id) as index:
            found = {number: index.chosen(number, hits) for number in numbers}
        found = {number: ones for number, ones in found.items() if ones}
        if not found:
            raise InputError("There is no such hit.", remedy="Hits are named by their ranks, from 0.")
        return found

    @contextmanager
    def _sequences(self, search: Search, folder: Path, scratch: Path) -> Iterator[Database]:
        """Open what holds the subjects: the generation that was searched if it is here, else what was kept of it."""
        kept = HitSequences(folder)
        with ExitStack() as stack:
            try:
                if kept.are_kept and self.catalogue.missing_bytes(search.database, search.generation):
                    raise NotFoundError("It is not on this machine.", remedy="")
                database = stack.enter_context(self.catalogue.opened(search.database, search.generation))
            except (NotFoundError, DatabaseError) as error:
                if not kept.are_kept:
                    raise _gone(error) from error
                place = scratch / "kept"
                place.mkdir()
                database = kept.open(place)
            yield database


def _gone(error: NotFoundError | DatabaseError) -> NotFoundError | DatabaseError:
    if isinstance(error, DatabaseError):
        return error
    return NotFoundError(
        "The sequences are gone with this generation of the database, and they could not be kept with the result.",
        remedy="Search again in the database as it is now.",
    )


def _check(search: Search, chosen: dict[int, list[ChosenHit]], region: Region | None) -> None:
    hits = [hit for ones in chosen.values() for hit in ones]
    if region is None:
        letters = sum({hit.id: hit.length for hit in hits}.values())
        if letters > MOST_LETTERS:
            raise TooLargeError(f"The subjects have {letters:,} letters.", remedy="Choose fewer hits.")
        return
    if len(hits) > 1:
        raise InputError("A region is one of a single subject.", remedy="Name one hit by its rank.")
    if not 1 <= region.start <= region.end <= hits[0].length:
        remedy = f"Use places from 1 to {hits[0].length}, the first one first."
        raise InputError("The subject has no such region.", remedy=remedy)
    if region.is_minus and Program(search.program).database_molecule is Molecule.PROTEIN:
        raise InputError("A protein has no minus strand.", remedy="Ask for the plus strand.")


def _keys(
    search: Search, database: Database, folder: Path, chosen: dict[int, list[ChosenHit]], scratch: Path
) -> list[Key]:
    """Return by what the subjects are found, each once: ids, or where some have none, what the archives name."""
    if all(volume.id_index for volume in database.volumes):
        return list(dict.fromkeys(hit.id for hits in chosen.values() for hit in hits))
    keys: dict[Key, None] = {}
    wanted = Chosen(Numbers.these(chosen))
    program = Program(search.program)
    for batch in batches_of(str(folder / "query.fa"), scratch, program.query_molecule, stored_plan(folder).choice):
        ordinals = wanted.of(batch)
        found = alignments_of(folder / "merged" / f"{batch.index}.asn", ordinals)
        for ordinal, texts in zip(ordinals, found, strict=True):
            hits = chosen[batch.first_query + ordinal]
            places, ids = [hit.places for hit in hits], [hit.id for hit in hits]
            keys |= dict.fromkeys(keys_of(texts, places, ids, program))
    return list(keys)
