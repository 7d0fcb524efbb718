"""``shardblast doctor``: checks of this machine's setup, and suggested fixes."""

import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryFile

from shardblast.blast.database import Database, open_database
from shardblast.blast.installation import Installation, find_installation
from shardblast.blast.process import run
from shardblast.bootstrap import home
from shardblast.cli.options import write_json
from shardblast.core.cutting import Situation, choose, fits_in_memory
from shardblast.core.errors import DatabaseError, EngineError
from shardblast.core.program import Program
from shardblast.core.units import counted
from shardblast.engine.workspace import Machine, this_machine

NEEDED = (*(program.value for program in Program), "blast_formatter", "makeblastdb", "blastdbcmd", "blastdb_aliastool")
OLDEST_TESTED, NEWEST_TESTED = (2, 12), (2, 17)
LITTLE_MEMORY_BYTES = 1 << 30
LITTLE_DISK_BYTES = 1 << 30

_VERSION = re.compile(rb"^\S+: (\d+)\.(\d+)\.(\d+)\+", re.M)
_GIB = 1 << 30


class FindingState(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """Searches work, but slower or less reliably than they could."""
    PROBLEM = "problem"
    """Searches fail."""


OK, WARNING, PROBLEM = FindingState


@dataclass(frozen=True, slots=True)
class Finding:
    subject: str
    state: FindingState
    message: str
    remedy: str = ""
    """Suggested fix; empty if the state is OK."""


def doctor(database: str | None, program: Program | None, *, as_json: bool) -> int:
    """Check this machine, and a database with a program (default: blastn or blastp); return 1 if there is a problem."""
    findings = list(_findings(database, program))
    if as_json:
        write_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            sys.stdout.write(f"{finding.state:<8} {finding.subject}: {finding.message}\n")
            if finding.remedy:
                sys.stdout.write(f"{'':<8} {finding.remedy}\n")
    return int(any(finding.state is PROBLEM for finding in findings))


def _findings(database: str | None, program: Program | None) -> Iterator[Finding]:
    installation = None
    try:
        installation = find_installation()
    except EngineError as error:
        yield Finding("BLAST+", PROBLEM, error.problem, error.remedy)
    else:
        yield from _programs(installation)
    machine = this_machine()
    yield from _machine(machine)
    yield _residency()
    yield from _cache(home())
    if database is not None and installation is not None:
        yield from _database(installation, machine, database, program)


def _programs(installation: Installation) -> Iterator[Finding]:
    missing = [name for name in NEEDED if not (installation.folder / name).exists()]
    if missing:
        remedy = "Install all of BLAST+, or put the folder of a complete installation first on PATH."
        yield Finding("BLAST+", PROBLEM, f"{installation.folder} lacks {', '.join(missing)}.", remedy)
    versions = {name: _version(installation, name) for name in NEEDED if name not in missing}
    broken = [name for name, version in versions.items() if version is None]
    if broken:
        remedy = f"Run '{installation.folder / broken[0]} -version' to see why, then install BLAST+ again."
        yield Finding("BLAST+", PROBLEM, f"{', '.join(broken)} in {installation.folder} can't be run.", remedy)
    yield from _version_findings(installation, {version for version in versions.values() if version is not None})


def _version_findings(installation: Installation, versions: set[tuple[int, int, int]]) -> Iterator[Finding]:
    found = ", ".join(".".join(str(part) for part in version) for version in sorted(versions))
    where = f"{found} in {installation.folder}"
    if len(versions) > 1:
        remedy = "Install one version, or put the folder of a complete installation first on PATH."
        yield Finding("BLAST+ version", PROBLEM, f"The programs have different versions: {where}.", remedy)
        return
    for version in versions:
        if OLDEST_TESTED <= version[:2] <= NEWEST_TESTED:
            yield Finding("BLAST+ version", OK, where)
        else:
            message = f"{where}. Identical output with shards was tested with versions 2.12 to 2.17 only."
            remedy = "Compare your own searches with 'shardblast verify', or install a tested version."
            yield Finding("BLAST+ version", WARNING, message, remedy)


def _version(installation: Installation, name: str) -> tuple[int, int, int] | None:
    try:
        match = _VERSION.search(run([installation.program(name), "-version"]).stdout)
    except OSError:
        return None
    return None if match is None else (int(match[1]), int(match[2]), int(match[3]))


def _machine(machine: Machine) -> Iterator[Finding]:
    yield Finding("cores", OK, f"{machine.cores} available to this process")
    amount = f"{machine.memory_bytes / _GIB:,.1f} GiB available to this process"
    if machine.memory_bytes < LITTLE_MEMORY_BYTES:
        remedy = "Raise the limit of the container, or lower -num_threads."
        yield Finding("memory", WARNING, f"{amount}. Searches with many hits may be killed.", remedy)
    else:
        yield Finding("memory", OK, amount)


def _residency() -> Finding:
    if shutil.which("fincore"):
        return Finding("page cache", OK, "fincore measures how much of a database is in memory")
    message = "fincore is missing, so it is unknown how much of a database is in memory."
    remedy = "Install util-linux's programs (Debian: apt-get install util-linux-extra)."
    return Finding("page cache", WARNING, message, remedy)


def _cache(folder: Path) -> Iterator[Finding]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        remedy = "Set SHARDBLAST_HOME to a writable folder."
        yield Finding("cache folder", PROBLEM, f"{folder} can't be written: {error.strerror}.", remedy)
        return
    amount = f"{free / _GIB:,.1f} GiB free in {folder}"
    if free < LITTLE_DISK_BYTES:
        message = f"{amount}. The intermediate results of a search may not fit."
        yield Finding("cache folder", WARNING, message, "Set SHARDBLAST_HOME to a folder on a larger disk.")
    else:
        yield Finding("cache folder", OK, amount)


def _database(installation: Installation, machine: Machine, name: str, program: Program | None) -> Iterator[Finding]:
    subject = f"database {name}"
    opened: Database | None = None
    problem = ""
    for candidate in (program,) if program else (Program.BLASTN, Program.BLASTP):
        try:
            opened = open_database(installation, name, candidate.database_molecule)
        except DatabaseError as error:
            problem = problem or error.problem
        else:
            program = candidate
            break
    if opened is None or program is None:
        remedy = "Check the name, the variable BLASTDB, and that --program suits the database's molecule."
        yield Finding(subject, PROBLEM, problem, remedy)
        return
    size = f"{counted(opened.num_seqs, 'sequence')}, {counted(opened.letters, 'letter')}"
    yield Finding(subject, OK, f"{size}, {opened.molecule}, {counted(len(opened.volumes), 'volume')}")
    if opened.obstacle is not None:
        remedy = "If you don't need the alias's filter, name the database below it in -db."
        yield Finding("shards", WARNING, f"none: {opened.obstacle}. {program} runs BLAST+ itself.", remedy)
        return
    yield _size(machine, opened)
    yield _auto(machine, opened, program)


def _size(machine: Machine, database: Database) -> Finding:
    amount = f"{database.size_bytes / _GIB:,.2f} GiB to map, {machine.memory_bytes / _GIB:,.1f} GiB of memory"
    if fits_in_memory(database.size_bytes, machine.cores, machine.memory_bytes):
        return Finding("size", OK, f"{amount}: it stays in memory")
    remedy = "Searches go shard by shard, so that each shard is read from disk once. More memory makes them faster."
    return Finding("size", WARNING, f"{amount}: the database does not stay there during a search.", remedy)


def _auto(machine: Machine, database: Database, program: Program) -> Finding:
    situation = Situation(
        program=program,
        database_letters=database.letters,
        database_bytes=database.size_bytes,
        cores=machine.cores,
        memory_bytes=machine.memory_bytes,
        query_letters=None,
        threads=not program.is_composition_based,
    )
    choice = choose(situation, None)
    how = {0: "BLAST+ itself", 1: "the whole database, queries in batches"}.get(
        choice.shards, counted(choice.shards, "shard")
    )
    return Finding("--shards auto", OK, f"{program}, few queries: {how} ({choice.why})")
