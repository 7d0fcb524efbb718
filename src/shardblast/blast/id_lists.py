"""Lists of ids and taxids: BLAST+ itself determines which sequences they leave."""

import re
import shutil
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, compress, pairwise
from pathlib import Path

from shardblast.blast.alias import write_alias, write_masked
from shardblast.blast.database import Database, Filter, Totals
from shardblast.blast.probe import Inquiry
from shardblast.blast.process import Finished, checked, was_killed
from shardblast.core.errors import LeftToBlast
from shardblast.core.option_table import BINARY, SEQID_FILTERS, listed_ids
from shardblast.core.options import SearchOptions
from shardblast.core.program import Molecule, Program

CODON = 3
ISAM_VERSION = 4
"""Databases of this version look ids up in ISAM files, which store them in lower case; newer ones use LMDB."""
LISTED_IDS = "listed.ids"
LISTED_TAXIDS = "listed.taxids"

_UNSEARCHABLE = {Molecule.NUCLEOTIDE: b">none\n" + b"N" * 40 + b"\n", Molecule.PROTEIN: b">none\n" + b"X" * 40 + b"\n"}
_TAXIDS = re.compile(rb'name "(?:Negative)?TaxidList",\s+value integer-list \{([^}]*)\}')
_OF_THE_QUERY = re.compile(rb"[^\[]*\[\w+\] Query_1 none: ")
_NOT_THERE = re.compile(rb"Taxonomy ID\(s\) not found", re.IGNORECASE)
"""BLAST+ refuses to search if no sequence has any of the taxids."""

_WHAT = "the check of a list of ids"
_LONG = 0xFF
"""Marks an id whose length follows in four bytes."""
_TRACES = ("gnl|ti|", "gi|")
"""Prefixes of ids that no list can contain, so that BLAST+ hides their sequences if they have no other id."""

_WITHOUT_ACCESSION = frozenset({"lcl", "gnl", "pat", "bbs", "bbm", "gim"})


@dataclass(frozen=True, slots=True)
class Listing:
    """The effect of a list on a database: the remaining sequences, None without a list, and BLAST+'s warnings."""

    filter: Filter | None
    warnings: bytes


@dataclass(frozen=True, slots=True)
class Listed:
    """The effect of a list on some volumes of a database."""

    totals: Totals
    counts: Mapping[int, int]
    """Number of remaining sequences of each volume."""
    hides_titles: bool
    """Whether BLAST+ shows some titles of a sequence and hides others."""
    taxids: tuple[int, ...]
    """Taxids of the list, including descendants if BLAST+ adds them."""
    warnings: bytes
    refusal: str = ""
    """BLAST+'s message if no sequence has any of the taxids."""


def read_listing(search: Inquiry, *, named: bool = True) -> Listing:
    """Determine with BLAST+ which sequences of a database a search's list of ids or taxids leaves.

    ``named`` says whether BLAST+ finds the database by its name. Raises LeftToBlast if only BLAST+ itself can handle
    the list, and ShardblastError if BLAST+ was killed, or can't read the database.
    """
    if search.options.filter is None:
        return Listing(None, b"")
    places, database = range(len(search.database.volumes)), search.database
    reader = ListReader(search.installation, search.processes, database, search.options, search.folder, places, named)
    listed, kept = reader.read()
    return Listing(filter_of(search.options, [listed], [kept[place] for place in places]), listed.warnings)


def filter_of(options: SearchOptions, listed: Sequence[Listed], kept: Iterable[bytes]) -> Filter:
    """Combine the effects of a list on all parts of a database into a filter.

    ``kept`` has a byte per OID for each volume; it may be empty if not needed. If the filter hides titles, its alias
    line refers to the file of ``write_list``. Raises LeftToBlast if only BLAST+ itself can handle the list.
    """
    name, totals = options.filter or "", _sum([part.totals for part in listed])
    hides, negative = any(part.hides_titles for part in listed), name.startswith("negative_")
    if all(part.refusal for part in listed):
        raise LeftToBlast(listed[0].refusal)
    if negative and hides:
        raise LeftToBlast(f"-{name} names some of the ids or taxids of a sequence and not others.")
    if not totals.num_seqs:
        raise LeftToBlast(f"-{name} leaves nothing of the database.")
    if totals.letters < totals.num_seqs:
        raise LeftToBlast(f"-{name} leaves fewer bases or residues, as BLAST+ counts them, than sequences.")
    if options.program is Program.TBLASTN and (totals.min_length or 0) < CODON:
        raise LeftToBlast(f"-{name} leaves a sequence shorter than a codon, which BLAST+ does not search.")
    counts = {place: count for part in listed for place, count in part.counts.items()}
    taxids = next((part.taxids for part in listed if part.taxids), ())
    line = _line(name) if hides else None
    in_order = tuple(counts[place] for place in sorted(counts))
    return Filter(tuple(kept), in_order, totals, line, () if negative else taxids)


def write_list(search: Inquiry, taxids: Sequence[int]) -> str:
    """Write a search's list to a file in its folder; return the line for an alias in that folder.

    ``taxids`` are those of the list, including descendants if BLAST+ adds them. Raises LeftToBlast if BLAST+ does not
    accept the list.
    """
    options, folder = search.options, search.folder
    name = options.filter or ""
    if name not in SEQID_FILTERS:
        if not taxids:
            raise LeftToBlast(f"BLAST+ accepts none of the taxids of -{name}.")
        (folder / LISTED_TAXIDS).write_text("".join(f"{taxid}\n" for taxid in taxids))
        return _line(name)
    path = Path(options.text(name) or "")
    if not path.is_file():
        raise LeftToBlast(f"the list of -{name} is not a file on this machine.")
    if _is_looked_up_as_written(search.database):
        shutil.copyfile(path, folder / LISTED_IDS)
    else:
        _write_looked_up(search, path, folder / LISTED_IDS)
    return _line(name)


def _write_looked_up(search: Inquiry, path: Path, target: Path) -> None:
    """Write a user's list, text or binary, as BLAST+ looks it up in a database of version 5.

    BLAST+ normalises the ids in a user's list before it looks them up, for example to upper case, but not the ids in a
    list that an alias refers to. blastdb_aliastool normalises ids as a search does, and its binary lists are looked up
    unchanged in both cases.

    Raises LeftToBlast if BLAST+ accepts none of the ids. Source: NCBI C++ Toolkit,
    objtools/blast/seqdb_reader/seqdbgilistset.cpp (s_ProcessSeqIDsForV5) and
    objtools/blast/seqdb_writer/seqidlist_writer.cpp (WriteBlastSeqidlistFile).
    """
    text = path.read_bytes()
    if text.startswith(BINARY):
        shutil.copyfile(path, target)
        return
    words = search.folder / f"{target.name}.words"
    words.write_bytes(b"".join(b"%s\n" % word for word in listed_ids(text)))
    argv = [search.installation.program("blastdb_aliastool"), "-seqid_file_in", str(words)]
    finished = search.processes.run([*argv, "-seqid_file_out", str(target)])
    if was_killed(finished):
        checked(finished, _WHAT)
    if finished.status:
        raise LeftToBlast(_words(finished.stderr) or "BLAST+ accepts none of the ids.")


def hides_others(binary: bytes, ids: Iterable[tuple[int, str]], named: bytes) -> bool:
    """Return whether a negative id list, in a database of version 5, may hide sequences that it does not name.

    BLAST+ excludes from its totals the sequences that it finds by the ids of the list. It then drops from the hits
    every title whose id is in the list in lower case or without the part after the first dot. A sequence without
    remaining titles is not a hit, but the totals include it. This comparison is slightly stricter than BLAST+'s.

    ``binary`` is the list of ``_write_looked_up``, ``ids`` are all OIDs and ids of ``blastdbcmd``, ``named`` has a byte
    per OID: 1 if the list names it. Source: NCBI C++ Toolkit, objtools/blast/seqdb_reader/seqdbcommon.cpp
    (CSeqDBNegativeList::FindId).
    """
    listed = set(_ids_of(binary))
    return any(
        not named[oid] and (name.startswith(_TRACES) or not listed.isdisjoint(_spellings(name))) for oid, name in ids
    )


def differ_in_kind(ids: Iterable[tuple[int, str]]) -> bool:
    """Return whether a sequence has titles with an accession and titles without one.

    For a sequence that a list names, BLAST+ records the accessions in each alignment, or the GIs if there are any. If
    it has recorded some, it shows no other titles of the sequence. ``ids`` are the OID and the id of each title, as
    printed by ``blastdbcmd``.

    Source: NCBI C++ Toolkit, algo/blast/api/blast_seqinfosrc_aux.cpp (GetFilteredRedundantSeqids) and
    objtools/align_format/showdefline.cpp (use_this_seqid).
    """
    kinds: dict[int, str] = {}
    return any(kinds.setdefault(oid, kind_of(name)) != kind_of(name) for oid, name in ids)


def kind_of(title_id: str) -> str:
    """Return the kind of id that BLAST+ records for a title: "gi", "accession" or ""."""
    kind, _, name = title_id.partition("|")
    if kind == "gi":
        return kind
    return "accession" if kind not in _WITHOUT_ACCESSION and name.partition("|")[0] else ""


def _line(name: str) -> str:
    """Return the alias line that refers to the list of an option."""
    return f"SEQIDLIST {LISTED_IDS}" if name in SEQID_FILTERS else f"TAXIDLIST {LISTED_TAXIDS}"


def _is_looked_up_as_written(database: Database) -> bool:
    """Return whether BLAST+ looks up all lists in the same way: in databases of version 4."""
    return any(volume.version == ISAM_VERSION for volume in database.volumes)


@dataclass(frozen=True, slots=True)
class ListReader(Inquiry):
    """Determines with BLAST+ which sequences of some volumes a search's list of ids or taxids leaves."""

    places: Sequence[int]
    """Indices, ascending, of the volumes of the database that are here."""
    named: bool = False
    """Whether these are all volumes and BLAST+ finds the database by its name."""

    @property
    def name(self) -> str:
        return self.options.filter or ""

    def read(self) -> tuple[Listed, dict[int, bytes]]:
        """Return the effect, and by volume a byte per OID: 1 if it remains. Raises LeftToBlast or ShardblastError."""
        name = self.name
        if name == "negative_seqidlist" and _is_looked_up_as_written(self.database):
            raise LeftToBlast("of databases of version 4 BLAST+ drops sequences that it counts in the totals.")
        # A negative id list with an alias of a version 5 volume crashes BLAST+.
        finished = self._ask("seqidlist" if name == "negative_seqidlist" and not self.named else name)
        if finished.status:
            named = {place: bytes(self.database.volumes[place].num_seqs) for place in self.places}
            return self._listed(named, (), hides=False, refusal=_words(finished.stderr))
        asked = None if name in SEQID_FILTERS else _TAXIDS.search(self._asked_file.read_bytes())
        taxids = tuple(int(number) for number in asked[1].split(b",") if number.strip()) if asked else ()
        line = write_list(self, taxids)
        alias = write_alias(self.folder, "listed", self.database, self._paths, [line], totals=False)
        ids = list(self._ids(alias))
        titled = [oid for oid, _ in ids]
        negative = name.startswith("negative_")
        # The OIDs of a positive list include those of sequences whose titles are all hidden.
        named = self._chosen(titled if negative else map(int, self._all_entries(alias, "%o")))
        masked = write_masked(self.folder, "masked", self.database, named)
        hides = any(1 in flags for flags in named.values()) and len(titled) < sum(1 for _ in self._ids(masked))
        hides |= not negative and differ_in_kind(ids)
        if name == "negative_seqidlist":
            binary, flags = (self.folder / LISTED_IDS).read_bytes(), b"".join(named[place] for place in self.places)
            if hides_others(binary, self._ids(self._seen), flags):
                raise LeftToBlast(f"-{name} has ids that differ from those of the database in case or version only.")
        return self._listed(named, taxids, hides=hides, warnings=_warnings(finished))

    def _listed(
        self, named: dict[int, bytes], taxids: tuple[int, ...], *, hides: bool, warnings: bytes = b"", refusal: str = ""
    ) -> tuple[Listed, dict[int, bytes]]:
        """Return the effect of the list, given the sequences that it names."""
        negative = self.name.startswith("negative_")
        kept = {place: flags.translate(_OPPOSITE) for place, flags in named.items()} if negative else named
        counts = {place: flags.count(1) for place, flags in kept.items()}
        totals = _sum([self._totals_of(place, flags) for place, flags in kept.items() if 1 in flags])
        return Listed(totals, counts, hides, taxids, warnings, refusal), kept

    @property
    def _asked_file(self) -> Path:
        return self.folder / "listing.asn"

    @property
    def _paths(self) -> list[Path]:
        return [self.database.volumes[place].path for place in self.places]

    def _ask(self, name: str) -> Finished:
        """Start a search with the list and an unsearchable query, so that it ends at once.

        BLAST+ reports what is wrong with a list, and its archive contains the taxids, including descendants if BLAST+
        adds them. Raises LeftToBlast if BLAST+ rejects the list for a reason other than taxids without sequences, and
        OutOfMemory if it was killed.
        """
        query = self.folder / "unsearchable.fa"
        query.write_bytes(_UNSEARCHABLE[self.options.program.query_molecule])
        argv = [self.installation.program(self.options.program.value), "-db", self._seen]
        argv += [f"-{name}", self.options.text(self.name) or ""]
        argv += ["-no_taxid_expansion"] if self.options.has("no_taxid_expansion") else []
        place = ["-query", str(query), "-outfmt", "11", "-out", str(self._asked_file)]
        finished = self.processes.run([*argv, *place], environment=self.database.environment)
        if was_killed(finished):
            checked(finished, self._what)
        if finished.status and not _NOT_THERE.search(finished.stderr):
            raise LeftToBlast(_words(finished.stderr) or f"BLAST+ ended with status {finished.status}.")
        return finished

    @property
    def _what(self) -> str:
        return f"the check of the list of -{self.name}"

    @property
    def _seen(self) -> str:
        """The value of ``-db``."""
        if self.named:
            return self.database.name
        return write_alias(self.folder, "asked", self.database, self._paths, totals=False)

    def _ids(self, alias: str) -> Iterator[tuple[int, str]]:
        """Yield the OID, in these volumes, and the id of every title that is visible through an alias."""
        for line in self._all_entries(alias, "%o %i"):
            oid, _, name = line.partition(b" ")
            yield int(oid), name.decode(errors="replace")

    def _all_entries(self, alias: str, outfmt: str) -> list[bytes]:
        argv = [self.installation.program("blastdbcmd"), "-db", alias, "-dbtype", self.database.molecule.dbtype]
        words = [*argv, "-entry", "all", "-outfmt", outfmt]
        finished = self.processes.run(words, environment=self.database.environment)
        if finished.status and not was_killed(finished):
            raise LeftToBlast(_words(finished.stderr) or f"blastdbcmd ended with status {finished.status}.")
        checked(finished, self._what)  # if the process was killed, its output is incomplete
        return [line for line in finished.stdout.splitlines() if line]

    def _chosen(self, oids: Iterable[int]) -> dict[int, bytes]:
        sizes = [self.database.volumes[place].num_seqs for place in self.places]
        chosen = bytearray(sum(sizes))
        for oid in oids:
            chosen[oid] = 1
        borders = pairwise(accumulate(sizes, initial=0))
        return {place: bytes(chosen[begin:end]) for place, (begin, end) in zip(self.places, borders, strict=True)}

    def _totals_of(self, place: int, chosen: bytes) -> Totals:
        volume = self.database.volumes[place]
        letters = sum(compress(volume.counted_lengths(), chosen))
        return Totals(chosen.count(1), letters, min(compress(volume.counted_lengths(), chosen)))


_OPPOSITE = bytes([1, 0, *range(2, 256)])


def _sum(parts: Sequence[Totals]) -> Totals:
    lengths = [part.min_length for part in parts if part.min_length is not None]
    return Totals(sum(part.num_seqs for part in parts), sum(part.letters for part in parts), min(lengths, default=None))


def _words(stderr: bytes) -> str:
    return " ".join(stderr.decode(errors="replace").split())


def _warnings(finished: Finished) -> bytes:
    """Return BLAST+'s warnings, except those about the unsearchable query."""
    lines = finished.stderr.splitlines(keepends=True)
    return b"".join(line for line in lines if line.strip() and not _OF_THE_QUERY.match(line))


def _spellings(title_id: str) -> Iterator[str]:
    """Yield the words by which BLAST+ finds an id in a list."""
    kind, *parts = title_id.strip("|").split("|")
    for word in (title_id, *parts, ":".join(parts), "_".join(parts)):
        yield from (word, word.lower(), word.lower().partition(".")[0])
        if kind != "lcl":
            yield word.partition(".")[0]


def _ids_of(binary: bytes) -> Iterator[str]:
    """Yield the ids of a binary list.

    Source: NCBI C++ Toolkit, objtools/blast/seqdb_reader/seqidlist_reader.cpp (CSeqidlistRead).
    """
    (count,) = struct.unpack_from("<Q", binary, 9)
    at = _end_of_text(binary, 17, "<I")
    at = _end_of_text(binary, at, "<B")
    (letters,) = struct.unpack_from("<Q", binary, at)
    at += 8
    if letters:
        at = _end_of_text(binary, _end_of_text(binary, at, "<B"), "<I")
    for _ in range(count):
        begin, size = (at + 5, "<I") if binary[at] == _LONG else (at + 1, "<B")
        end = _end_of_text(binary, begin - struct.calcsize(size), size)
        yield binary[begin:end].decode(errors="replace")
        at = end


def _end_of_text(binary: bytes, at: int, size: str) -> int:
    """Return the end of a text that follows its length."""
    (length,) = struct.unpack_from(size, binary, at)
    return at + struct.calcsize(size) + int(length)
