"""The subjects of a result: as FASTA, and the organisms that they are of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shardblast.blast.database import Database
from shardblast.blast.installation import Installation
from shardblast.blast.sequences import Key, Region, write_subjects
from shardblast.blast.taxonomy import Found, Organism, line_of, tree_of
from shardblast.core.errors import DatabaseError, InputError, NotFoundError, TooLargeError
from shardblast.core.program import Molecule, Program
from shardblast.core.search import Search, SearchId
from shardblast.core.units import Numbers
from shardblast.engine.kept_sequences import HitSequences
from shardblast.engine.pieces import batches_of
from shardblast.engine.printing import Chosen, alignments_of, keys_of
from shardblast.engine.stored import stored_plan
from shardblast.service.catalogue import Catalogue
from shardblast.service.folders import Folders
from shardblast.service.hit_index import ChosenHit
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


@dataclass(frozen=True, slots=True)
class OrganismReport:
    """What organisms a query has hit."""

    rows: Sequence[Mapping[str, Any]]
    """Organisms with their names, each after the one above it."""
    unknown: int
    """Hits without a taxid."""
    has_lineages: bool
    """Whether it is known what is above what."""


@dataclass(frozen=True, slots=True)
class Organisms:
    """Reads what organisms searches have hit."""

    results: Results
    catalogue: Catalogue

    def report(self, search_id: SearchId, query: int) -> OrganismReport:
        """Return the organisms of a query's hits.

        Args:
            search_id: A completed search.
            query: Its 0-based number.
        """
        search = self.results.completed(search_id)
        with self.results.index(search_id) as index:
            read = index.organisms(query)
        found = [
            Found(_taxids(row["taxids"]), row["hits"], row["bit_score"], row["evalue"])
            for row in read
            if row["taxids"] is not None
        ]
        taxonomy = self.catalogue.names_and_lineages(search.database, search.generation)
        rows = tree_of(found, taxonomy.parents({taxid for one in found for taxid in one.taxids}))
        listed = {taxid for row in rows for taxid in (row.taxid, *row.via)}
        names = _names(read) | taxonomy.names(listed)
        unknown = sum(row["hits"] for row in read if row["taxids"] is None)
        return OrganismReport([_row(row, names) for row in rows], unknown, taxonomy.has_lineages)

    def below(self, search_id: SearchId, query: int, taxid: int) -> frozenset[str]:
        """Return those taxids of a query's hits that are a taxid or descend from it, as far as that is known."""
        search = self.results.completed(search_id)
        with self.results.index(search_id) as index:
            found = {one for row in index.organisms(query) for one in _taxids(row["taxids"] or "")}
        parents = self.catalogue.names_and_lineages(search.database, search.generation).parents(found)
        return frozenset(str(one) for one in found if taxid in line_of(one, parents))


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


def _row(row: Organism, names: Mapping[int, str]) -> Mapping[str, Any]:
    return asdict(row) | {"name": names.get(row.taxid), "via": [names.get(one, str(one)) for one in row.via]}


def _names(read: Iterable[Mapping[str, Any]]) -> dict[int, str]:
    """Return the names that BLAST+ printed, where it is plain which taxid has which."""
    return {
        int(row["taxids"]): row["names"]
        for row in read
        if row["taxids"] is not None and row["names"] is not None and row["taxids"].isdecimal()
    }


def _taxids(text: str) -> list[int]:
    return [int(taxid) for taxid in text.split(";") if taxid]
