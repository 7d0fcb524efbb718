"""``shardblast db``: the databases of a service, on its machine, whether it runs or not.

While a service runs in the home, it makes the changes, since only it knows which databases it uses.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shardblast.cli.options import AsJson, Home, Quiet, bytes_of, grouped, write_json
from shardblast.core.units import counted

if TYPE_CHECKING:
    from shardblast.bootstrap.databases import Administration
    from shardblast.cli.client import Client
    from shardblast.core.database import CataloguedDatabase
    from shardblast.core.placement import NodePlan
    from shardblast.service.tasks import Watch

databases = typer.Typer(add_completion=False, rich_markup_mode=None, help="The databases of a service.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the database.")]
NOTHING_NEWER = 1
"""Exit status of ``check-updates`` when the source has no newer version."""


DETAILS = (
    "name molecule title date num_seqs letters max_length size_bytes mapped_bytes staged_bytes resident_bytes nodes "
    "problem has_ids has_taxids masks version generation in_place source source_version"
)
"""Details of a database that are printed, in order."""


class MoleculeName(StrEnum):
    """makeblastdb's names of molecules."""

    NUCLEOTIDE = "nucl"
    PROTEIN = "prot"


@dataclass(frozen=True, slots=True)
class Made:
    """How a database is made from its source."""

    molecule: Annotated[
        MoleculeName | None, typer.Option("--molecule", help="Molecule of FASTA; default: detected automatically.")
    ] = None
    title: Annotated[str, typer.Option("--title", help="Title of a database made from FASTA.")] = ""
    taxid_map: Annotated[
        Path | None, typer.Option("--taxid-map", metavar="FILE", help="Ids and taxids, as for makeblastdb.")
    ] = None
    base: Annotated[str, typer.Option("--base", metavar="URL", help="Mirror of NCBI's databases.")] = ""

    @property
    def settings(self) -> dict[str, Any]:
        """The fields under the names that the service gives them, without the mirror."""
        molecule = {MoleculeName.NUCLEOTIDE: "nucleotide", MoleculeName.PROTEIN: "protein", None: None}[self.molecule]
        taxid_map = str(self.taxid_map.absolute()) if self.taxid_map else None
        return {"molecule": molecule, "title": self.title, "taxid_map": taxid_map}


@databases.command("add", short_help="Add a database.")
@grouped
def add_database(
    name: Name,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="BLAST database (path without suffix), FASTA file, ncbi:NAME, or address of a database in another "
            "storage.",
        ),
    ],
    copy: Annotated[bool, typer.Option("--copy", help="Copy a BLAST database instead of using it in place.")] = False,
    made: Made = Made(),
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a database of this name that comes from another source.")
    ] = False,
    quiet: Quiet = False,
    home: Home = None,
) -> int:
    """Add a database. A BLAST database is used in place; every other source is copied into the storage.

    A name that is taken is refused unless --replace is given. A database of the other molecule is never replaced.
    If the command is interrupted, run it again to resume.
    """
    from shardblast.bootstrap.databases import home_made, settings_of

    if (service := _service(home)) is not None:
        body = {"name": name, "source": _absolute(source), "copy": copy, "replace": replace, "base": made.base or None}
        _finished(service, service.add_database(body | made.settings), quiet=quiet)
        _show(**service.database(name))
        return 0
    settings = {key: value for key, value in {**made.settings, "ncbi_base": made.base}.items() if value}
    details = {"text": _absolute(source), "settings": settings, **({"replace": True} if replace else {})}
    with home_made(settings_of(home=home)) as administration:
        if not copy and administration.databases.lies_here(source):
            added = administration.databases.register(name, source, replace=replace)
        else:
            with _watch(name, quiet=quiet) as watch:
                added = administration.databases.bring(name, details, watch)
        kept = administration.databases.kept_for(name)
    _show(**_facts(added), kept=kept)
    return 0


@databases.command("update", short_help="Update a database from its source.")
def update_database(name: Name, quiet: Quiet = False, home: Home = None) -> int:
    """Update a database from its source. Running searches continue with the old version."""
    if (service := _service(home)) is not None:
        before = service.database(name)
        _finished(service, service.act_on_database(name, "update"), quiet=quiet)
        after = service.database(name)
    else:
        databases = administration_of(home).databases
        before = _facts(databases.generations.get(name))
        with _watch(name, quiet=quiet) as watch:
            after = _facts(databases.bring_update(name, watch)) | {"kept": databases.kept_for(name)}
    if after["generation"] == before["generation"]:
        sys.stdout.write(f"{name}: up to date\n")
    else:
        _show(**after)
    return 0


@databases.command("check-updates", short_help="Check whether a database's source has a newer version.")
def check_updates(name: Name, home: Home = None) -> int:
    """Check whether a database's source has a newer version. Exit status: 0 if it has, otherwise 1."""
    updates = administration_of(home).databases.check_updates(name)
    versions = f"{updates.current or 'unnamed'} here, {updates.offered or 'unnamed'} at the source"
    sys.stdout.write(f"{name}: {'newer version available' if updates.is_newer else 'up to date'}; {versions}\n")
    return 0 if updates.is_newer else NOTHING_NEWER


@databases.command("list", short_help="List the databases.")
def list_databases(as_json: AsJson = False, home: Home = None) -> int:
    """List the databases by name, with how much of each is in the memory of the machines that search it."""
    administration = administration_of(home)
    rows = [_described(administration, database) for database in administration.databases.generations.all()]
    if as_json:
        write_json(rows)
        return 0
    for row in rows:
        words = f"{counted(row['num_seqs'], 'sequence')}  {counted(row['letters'], 'letter')}  {_warmth(row)}"
        sys.stdout.write(f"{row['name']}  {row['molecule']}  {words}  {row['source']}\n")
    return 0


@databases.command("show", short_help="Show the details of a database.")
def show_database(name: Name, as_json: AsJson = False, home: Home = None) -> int:
    """Show the details of a database and its volumes."""
    administration = administration_of(home)
    database = administration.databases.generations.get(name)
    details = _described(administration, database)
    if as_json:
        volumes = [{**volume, "files": len(volume["files"])} for volume in database.facts.document()["volumes"]]
        write_json({**details, "volumes": volumes})
        return 0
    for key, value in details.items():
        sys.stdout.write(f"{key:<15} {_worded(value, absent='unknown' if key == 'resident_bytes' else 'none')}\n")
    for volume in database.facts.volumes:
        sizes = f"{counted(volume.num_seqs, 'sequence'):>25} {counted(volume.letters, 'letter'):>26}"
        sys.stdout.write(f"  {volume.name:<20} {sizes}\n")
    return 0


@databases.command("plan", short_help="Plan the shards of a database for a cluster.")
def plan_database(
    name: Name,
    nodes: Annotated[int, typer.Option("--nodes", min=1, help="Number of nodes.")],
    memory: Annotated[str, typer.Option("--memory", metavar="SIZE", help="Memory of each node, such as 128GiB.")],
    as_json: AsJson = False,
    home: Home = None,
) -> int:
    """Plan the shards of a database for nodes. Exit status: 0 if each fits in half of a node's memory, otherwise 1."""
    plan = administration_of(home).databases.plan(name, nodes, bytes_of(memory))
    if as_json:
        from dataclasses import asdict

        document = asdict(plan)
        for share in document["shares"]:
            share["shard"] = {key: str(value) for key, value in share["shard"].items()}
        write_json({"fits": plan.fits, **document})
    else:
        _show_plan(plan)
    return 0 if plan.fits else 1


@databases.command("warm", short_help="Read a database into the memory of the machines that search it.")
def warm_database(name: Name, quiet: Quiet = False, home: Home = None) -> int:
    """Read a database into memory, and print how much of it is there then.

    With a scheduler (SHARDBLAST_SCHEDULER), it is copied to the nodes of the cluster and read into their memory, as a
    search would place it. A service asks for nodes if there are too few.
    """
    if (service := _service(home)) is not None:
        outcome = _finished(service, service.act_on_database(name, "warm"), quiet=quiet)["outcome"]
    else:
        databases = administration_of(home).databases
        with _watch(name, quiet=quiet) as watch:
            outcome = databases.warm(databases.generations.get(name), watch)
    sys.stdout.write(f"{name}: {outcome}\n")
    return 0


@databases.command("check", short_help="Verify every byte of a database.")
def check_database(name: Name, home: Home = None) -> int:
    """Verify the checksums of a database's files on this machine, and run blastdbcheck on all of it."""
    problem = administration_of(home).databases.check(name)
    sys.stdout.write(f"{name}: {problem or 'ok'}\n")
    return 1 if problem else 0


@databases.command("remove", short_help="Remove a database.")
def remove_database(
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="Cancel its searches, and lose results that need it.")] = False,
    home: Home = None,
) -> int:
    """Remove a database. Files that are used in place are kept."""
    if (service := _service(home)) is not None:
        service.remove_database(name, force=force)
    else:
        administration_of(home).removal.remove(name, force=force)
    return 0


def _described(administration: Administration, database: CataloguedDatabase) -> dict[str, Any]:
    found = administration.databases.described(database)
    here = found["here"]
    found |= {name: getattr(here, name) for name in ("staged_bytes", "resident_bytes", "nodes", "problem")}
    return {name: found[name] for name in DETAILS.split()} | {"masks": ", ".join(found["masks"])}


def _worded(value: str | int | None, absent: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else value or absent


def _warmth(row: dict[str, Any]) -> str:
    if row["problem"]:
        return str(row["problem"])
    if row["resident_bytes"] is None:
        return "warmth unknown"
    return f"{100 * row['resident_bytes'] // max(row['mapped_bytes'], 1)} % warm"


def _facts(database: CataloguedDatabase) -> dict[str, Any]:
    """Return the fields of a database that ``_show`` prints, named as a service names them."""
    facts = {name: getattr(database.facts, name) for name in ("title", "num_seqs", "letters")}
    return facts | {"name": database.name, "generation": database.generation}


def _show(name: str, title: str, num_seqs: int, letters: int, kept: str = "", **_: object) -> None:
    sys.stdout.write(f"{name}: {title}; {counted(num_seqs, 'sequence')}, {counted(letters, 'letter')}\n")
    sys.stdout.write(f"{kept}\n" * bool(kept))


def _show_plan(plan: NodePlan) -> None:
    for number, share in enumerate(plan.shares, 1):
        part = f" sequences {share.shard.oids.start + 1:,} to {share.shard.oids.stop:,}" if share.shard.oids else ""
        names = share.volumes[0] + (f" to {share.volumes[-1]}" if len(share.volumes) > 1 else part)
        sizes = f"{share.mapped_bytes:,} bytes to map, {share.staged_bytes:,} bytes on disk"
        sys.stdout.write(f"node {number:>4}  {names}  {counted(share.shard.letters, 'letter')}, {sizes}\n")
    sys.stdout.write(f"largest share over the mean: {plan.balance:.2f}\n")
    sys.stdout.write(f"{plan.problem} {plan.remedy}\n" if plan.problem else "fits\n")


def _absolute(source: str) -> str:
    """Return a source with an absolute path, if it is a path."""
    path = Path(source)
    return str(path.absolute()) if path.exists() or (path.parent.is_dir() and ":" not in source) else source


@contextmanager
def _watch(name: str, *, quiet: bool) -> Iterator[Watch]:
    """Yield a watch that shows a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from shardblast.service.tasks import Watch

    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
    ) as progress:
        bar = progress.add_task(name, total=None)
        yield Watch(
            lambda step, done, total: progress.update(
                bar, description=f"{name} {step}", completed=done, total=total or None
            ),
            lambda: False,
            lambda: False,
            lambda why: console.print(f"{name}: {why}", style="yellow") if not quiet else None,
        )


def _finished(service: Client, begun: Mapping[str, Any], *, quiet: bool) -> Mapping[str, Any]:
    """Wait for a task's end. Raises ShardblastError if it failed, Interrupted if it was cancelled, or at Ctrl-C."""
    from shardblast.core.errors import Interrupted, reported
    from shardblast.core.search import State
    from shardblast.core.task import Step

    if "state" not in begun:
        return begun
    last, told = begun, None
    try:
        with _watch(begun["database"], quiet=quiet) as watch:
            for last in service.task_changes(begun["id"]):
                if last["step"] is not None:
                    watch.report(Step(last["step"]), last["done"], last["total"])
                if last["outcome"] not in (None, told) and last["state"] == State.RUNNING:
                    watch.waits(told := last["outcome"])
    except KeyboardInterrupt:
        problem = "The task continues in the service."
        remedy = "Run the same command to wait for it again, or cancel it on the page."
        raise Interrupted(problem, remedy=remedy) from None
    if last["failure"]:
        raise reported(last["failure"]["code"], last["failure"]["problem"], last["failure"]["remedy"])
    if last["state"] == State.CANCELLED:
        raise Interrupted("The task was cancelled.", remedy="Run the command again to restart it.")
    return last


def _service(home: Path | None) -> Client | None:
    """Return a client of the service that runs in the home, if there is one."""
    from shardblast.bootstrap.databases import settings_of
    from shardblast.cli.searches import client_of
    from shardblast.service.folders import Folders

    claim = Folders(settings_of(home=home).home).claimed()
    return None if claim is None else client_of(claim.address, claim.token)


def administration_of(home: Path | None) -> Administration:
    """Open the databases and tokens of an existing home; see ``bootstrap.databases.administration``."""
    from shardblast.bootstrap.databases import administration, settings_of

    return administration(settings_of(home=home))
