"""A BLAST database as ``-db`` names it: its volumes in OID order, its totals, and what speaks against cutting it."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from shardblast.blast.filter import Filter, Totals
from shardblast.blast.installation import Installation
from shardblast.blast.process import run
from shardblast.blast.volume import Volume, read_volume
from shardblast.core.errors import DatabaseError
from shardblast.core.program import Molecule

_TITLE = re.compile(r"^Database: (.*)")
_DATE = re.compile(r"^Date: (.*?)\t", re.M)
_TOTALS = re.compile(r"^\s+([\d,]+) sequences; ([\d,]+) total (?:bases|residues)", re.M)
_SAFE_ALIAS_KEYS = frozenset({"TITLE", "DBLIST", "NSEQ", "LENGTH"})
_SEARCH_PATH_SEPARATOR = ":"


@dataclass(frozen=True)
class Database:
    """One or several BLAST databases that are searched as one."""

    name: str
    """As given to ``-db``."""
    molecule: Molecule
    num_seqs: int
    letters: int
    volumes: tuple[Volume, ...]
    """In OID order."""
    obstacle: str | None
    """Why it can't be cut into shards, or None."""
    title: str = ""
    date: str = ""
    """Of the latest volume, as formats 0 to 4 print it."""
    search_path: str | None = None
    """Of the folders where BLAST+ finds it, as in ``BLASTDB``; None for what that variable says."""
    size_bytes: int = 0
    """Of the index and the sequences: what a search maps into memory."""
    filter: Filter | None = None
    """What a search sees of it; None: everything."""

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which BLAST+'s programs find it."""
        return _variables(self.search_path)

    @property
    def mapped_files(self) -> list[Path]:
        """What a search maps into memory: the index and the sequences of each volume."""
        return [file for volume in self.volumes for file in volume.mapped_files]

    @property
    def searched(self) -> Totals:
        """The totals of what a search sees, which its statistics rest on."""
        return Totals(self.num_seqs, self.letters) if self.filter is None else self.filter.totals

    @cached_property
    def first_oids(self) -> tuple[int, ...]:
        """The OID of each volume's first sequence; one entry more than there are volumes."""
        return (0, *accumulate(volume.num_seqs for volume in self.volumes))

    @property
    def unique_ids(self) -> bool:
        """Whether every sequence has an id of its own: one database that was made with ``-parse_seqids``."""
        indices = {volume.id_index for volume in self.volumes}
        return len(indices) == 1 and None not in indices

    @property
    def searched_bytes(self) -> int:
        """About how many bytes of the volumes a search reads."""
        return self.size_bytes * self.searched.letters // max(self.letters, 1)


def open_database(
    installation: Installation, name: str, molecule: Molecule, search_path: str | None = None
) -> Database:
    """Find a database's volumes the way BLAST+ finds them.

    Args:
        installation: Of BLAST+.
        name: As for ``-db``.
        molecule: Of its sequences.
        search_path: Folders to find it in, as in ``BLASTDB``; None for what that variable says.

    Raises:
        DatabaseError: BLAST+ does not find or can't read it; the problem is BLAST+'s own message.
    """
    argv = [installation.program("blastdbcmd"), "-db", name, "-dbtype", molecule.dbtype, "-info", "-exact_length"]
    result = run(argv, environment=_variables(search_path))
    told = result.stdout.decode(errors="replace")
    match = _TOTALS.search(told)
    if result.status or match is None:
        message = result.stderr.decode(errors="replace").strip()
        raise DatabaseError(message, remedy="Check the name given to -db and the variable BLASTDB.")
    num_seqs, letters = (int(number.replace(",", "")) for number in match.groups())
    listed = result.stdout.decode(errors="surrogateescape").partition("\nVolumes:\n")[2]
    try:
        paths = _in_oid_order(_volumes(Path(line.strip("\t")) for line in listed.splitlines() if line.strip()))
        volumes = tuple(read_volume(path, molecule) for path in paths)
        obstacle = _obstacle(name, molecule, volumes, (num_seqs, letters), _folders(search_path))
    except (DatabaseError, ValueError, OSError) as error:
        volumes, obstacle = (), f"its volumes can't be read ({error})"
    title, date = _TITLE.search(told), _DATE.search(told)
    described = (title[1] if title else "", date[1] if date else "")
    size_bytes = sum(volume.size_bytes for volume in volumes)
    return Database(name, molecule, num_seqs, letters, volumes, obstacle, *described, search_path, size_bytes)


def _variables(search_path: str | None) -> dict[str, str]:
    """Return the variables that have BLAST+ look in these folders, wherever it runs."""
    if search_path is None:
        return {}
    folders = filter(None, search_path.split(_SEARCH_PATH_SEPARATOR))
    return {"BLASTDB": _SEARCH_PATH_SEPARATOR.join(map(os.path.abspath, folders))}


def _volumes(listed: Iterator[Path]) -> Iterator[Path]:
    """Replace the nested aliases that ``blastdbcmd -info`` lists among the volumes by their own volumes."""
    for path in listed:
        if path.suffix in (".nal", ".pal"):
            for name in _alias_lines(path).get("DBLIST", []):
                nested = path.parent / name
                alias = nested.with_name(nested.name + path.suffix)
                yield from _volumes(iter([alias if alias.exists() and alias != path else nested]))
        else:
            yield path


def _in_oid_order(paths: Iterator[Path]) -> list[Path]:
    """Sort as SeqDB does: by name, then by folder (seqdbalias.cpp, SeqDB_CompareVolume)."""
    unique = {os.path.normpath(path) for path in paths}
    return [Path(path) for path in sorted(unique, key=lambda path: (os.path.basename(path), path))]


def _alias_lines(path: Path) -> dict[str, list[str]]:
    lines: dict[str, list[str]] = {}
    for line in path.read_text(errors="surrogateescape").splitlines():
        key, _, value = line.strip().partition(" ")
        if key and not key.startswith("#"):
            lines[key] = shlex.split(value) if key == "DBLIST" else [value.strip()]
    return lines


def _obstacle(
    name: str, molecule: Molecule, volumes: tuple[Volume, ...], totals: tuple[int, int], folders: list[str]
) -> str | None:
    names = shlex.split(name)
    if not all(text.isascii() and text.isprintable() for text in (name, *(str(volume.path) for volume in volumes))):
        return "its path has letters that aliases or archives do not hold"
    if not all(_is_where_we_look(one, molecule, folders) for one in names):
        return "BLAST+ finds it by its own configuration file"
    if len({os.path.realpath(one) for one in names}) < len(names):
        return "a database is named twice"
    for alias in _aliases(name, molecule, folders):
        if keys := set(_alias_lines(alias)) - _SAFE_ALIAS_KEYS:
            return f"the alias {alias.name} changes more than the list of volumes ({', '.join(sorted(keys))})"
    if (sum(v.num_seqs for v in volumes), sum(v.letters for v in volumes)) != totals:
        return "its totals are not those of its volumes, so an alias filters or restates them"
    if not totals[0]:
        return "it holds no sequences"
    return None


def _folders(search_path: str | None) -> list[str]:
    path = os.environ.get("BLASTDB", "") if search_path is None else search_path
    return ["", *path.split(_SEARCH_PATH_SEPARATOR)]


def _is_where_we_look(name: str, molecule: Molecule, folders: list[str]) -> bool:
    suffixes = (molecule.alias_suffix, f"{molecule.alias_suffix[0]}in")
    return any(Path(folder, f"{name}.{suffix}").is_file() for folder in folders for suffix in suffixes)


def alias_files(name: str, molecule: Molecule) -> list[Path]:
    """Return the alias files that a ``-db`` value, which is a path, leads to; nested ones included."""
    return list(_aliases(name, molecule, [""]))


def _aliases(name: str, molecule: Molecule, folders: list[str]) -> Iterator[Path]:
    """Yield the alias files that a ``-db`` value leads to, nested ones included."""
    for one in shlex.split(name):
        places = (Path(folder, f"{one}.{molecule.alias_suffix}") for folder in folders)
        path = next(filter(Path.is_file, places), None)
        if path is None:
            continue
        yield path
        for inner in _alias_lines(path).get("DBLIST", []):
            if inner != path.stem:  # an alias that names itself means the volume of that name
                yield from _aliases(shlex.quote(str(path.parent / inner)), molecule, folders)
