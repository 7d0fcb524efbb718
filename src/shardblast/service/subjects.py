"""The subjects of a result as FASTA, and their organisms."""

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
from shardblast.engine.stored import QUERY, stored_plan
from shardblast.service.catalogue import Catalogue
from shardblast.service.folders import Folders
from shardblast.service.hit_index import ChosenHit
from shardblast.service.results import Results

GONE = "This generation of the database was removed, and the sequences could not be kept with the result."
MOST_LETTERS = 1 << 31
"""Limit of the bases or residues of one answer."""


@dataclass(frozen=True, slots=True)
class Subjects:
    results: Results
    catalogue: Catalogue
    installation: Installation
    folders: Folders

    @contextmanager
    def fasta(
        self, search_id: SearchId, queries: Numbers | None, hits: Numbers | None, region: Region | None
    ) -> Iterator[Path]:
        """Write subjects of queries, or of one query's hits (0-based; None: all), once each to a file in the context.

        ``region`` is that of a single hit. Raises InputError if a query, hit or region does not exist, TooLargeError
        for more than MOST_LETTERS bases or residues, and the errors of ``Results.printed`` except for formats.
        """
        search = self.results.completed(search_id)
        chosen = self.results.hits(search, queries, hits)
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

    @contextmanager
    def _sequences(self, search: Search, folder: Path, scratch: Path) -> Iterator[Database]:
        """Open the searched generation if it is on this machine, otherwise the kept sequences."""
        kept = HitSequences(folder)
        with ExitStack() as stack:
            try:
                if kept.are_kept and self.catalogue.missing_bytes(search.database, search.generation):
                    raise NotFoundError("It is not on this machine.", remedy="")
                database = stack.enter_context(self.catalogue.opened(search.database, search.generation))
            except (NotFoundError, DatabaseError) as error:
                if not kept.are_kept:
                    if isinstance(error, DatabaseError):
                        raise
                    raise NotFoundError(GONE, remedy="Search the current generation of the database.") from error
                place = scratch / "kept"
                place.mkdir()
                database = kept.open(place)
            yield database


@dataclass(frozen=True, slots=True)
class OrganismReport:
    """The organisms of a query's hits."""

    rows: Sequence[Mapping[str, Any]]
    """Organisms with their names, each after its parent."""
    unknown: int
    """Number of hits without a taxid."""
    has_lineages: bool
    """Whether the parents of organisms are known."""


@dataclass(frozen=True, slots=True)
class Organisms:
    results: Results
    catalogue: Catalogue

    def report(self, search_id: SearchId, query: int) -> OrganismReport:
        """Return the organisms of the hits of a query, given by its 0-based number."""
        search = self.results.completed(search_id)
        with self.results.index(search_id) as index:
            read = index.organisms(query)
        found = [
            Found(_taxids(row["taxids"]), row["hits"], row["bit_score"], row["evalue"])
            for row in read
            if row["taxids"] is not None
        ]
        taxonomy = self.catalogue.names_and_lineages(search.database, search.generation)
        rows = tree_of(found, taxonomy.parents({taxid for group in found for taxid in group.taxids}))
        listed = {taxid for row in rows for taxid in (row.taxid, *row.via)}
        names = _names(read) | taxonomy.names(listed)
        unknown = sum(row["hits"] for row in read if row["taxids"] is None)
        return OrganismReport([_row(row, names) for row in rows], unknown, taxonomy.has_lineages)

    def below(self, search_id: SearchId, query: int, taxid: int) -> frozenset[str]:
        """Return those taxids of a query's hits that are a taxid or its descendants, as far as these are known."""
        search = self.results.completed(search_id)
        with self.results.index(search_id) as index:
            hit_taxids = {hit for row in index.organisms(query) for hit in _taxids(row["taxids"] or "")}
        parents = self.catalogue.names_and_lineages(search.database, search.generation).parents(hit_taxids)
        return frozenset(str(hit) for hit in hit_taxids if taxid in line_of(hit, parents))


def _check(search: Search, chosen: dict[int, list[ChosenHit]], region: Region | None) -> None:
    hits = [hit for of_query in chosen.values() for hit in of_query]
    if region is None:
        letters = sum({hit.id: hit.length for hit in hits}.values())
        if letters > MOST_LETTERS:
            raise TooLargeError(f"The subjects have {letters:,} bases or residues.", remedy="Select fewer hits.")
        return
    if len(hits) > 1:
        raise InputError("A region can be selected for a single subject only.", remedy="Give the rank of one hit.")
    if not 1 <= region.start <= region.end <= hits[0].length:
        remedy = f"Use positions from 1 to {hits[0].length}; the start must not be larger than the end."
        raise InputError("The subject has no such region.", remedy=remedy)
    if region.is_minus and Program(search.program).database_molecule is Molecule.PROTEIN:
        raise InputError("A protein has no minus strand.", remedy="Ask for the plus strand.")


def _keys(
    search: Search, database: Database, folder: Path, chosen: dict[int, list[ChosenHit]], scratch: Path
) -> list[Key]:
    """Return the keys of the subjects, each once: their ids or, if some volume has no ids, the keys in the archives."""
    if all(volume.id_index for volume in database.volumes):
        return list(dict.fromkeys(hit.id for hits in chosen.values() for hit in hits))
    keys: dict[Key, None] = {}
    wanted = Chosen(Numbers.these(chosen))
    molecule = Program(search.program).query_molecule
    for batch in batches_of(str(folder / QUERY), scratch, molecule, stored_plan(folder).choice):
        ordinals = wanted.of(batch)
        found = alignments_of(folder / "merged" / f"{batch.index}.asn", ordinals)
        for ordinal, texts in zip(ordinals, found, strict=True):
            hits = chosen[batch.first_query + ordinal]
            keys |= dict.fromkeys(keys_of(texts, [hit.places for hit in hits], [hit.id for hit in hits]))
    return list(keys)


def _row(row: Organism, names: Mapping[int, str]) -> Mapping[str, Any]:
    return asdict(row) | {"name": names.get(row.taxid), "via": [names.get(taxid, str(taxid)) for taxid in row.via]}


def _names(read: Iterable[Mapping[str, Any]]) -> dict[int, str]:
    """Return the names that BLAST+ printed for single taxids."""
    return {
        int(row["taxids"]): row["names"]
        for row in read
        if row["taxids"] is not None and row["names"] is not None and row["taxids"].isdecimal()
    }


def _taxids(text: str) -> list[int]:
    return [int(taxid) for taxid in text.split(";") if taxid]
