"""The commands beside the BLAST+ programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from shardblast.cli.cluster import cluster, nodes
from shardblast.cli.databases import databases
from shardblast.cli.searches import remote, searches
from shardblast.cli.service import service, tokens
from shardblast.core import __version__
from shardblast.core.errors import UsageError
from shardblast.core.program import Program

PROGRAMS = {
    Program.BLASTN: "Nucleotide queries, nucleotide database.",
    Program.BLASTP: "Protein queries, protein database.",
    Program.BLASTX: "Translated nucleotide queries, protein database.",
    Program.TBLASTN: "Protein queries, translated nucleotide database.",
    Program.TBLASTX: "Translated nucleotide queries and database.",
}
AS_THEY_STAND = {"allow_interspersed_args": False, "ignore_unknown_options": True}
"""Leaves the words after the first one alone: BLAST+'s options are not of the kind Typer reads."""
STOPPED = 130

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Run NCBI BLAST+ over a sharded database, with the bytes of an unsharded run.",
)


def run(words: list[str]) -> int:
    """Run a command; return its exit status.

    Raises:
        UsageError: There is no such command, or it does not take these options.
        ShardblastError: The command failed.
    """
    try:
        status = app(args=words or ["--help"], prog_name="shardblast", standalone_mode=False)
    except TyperException as error:
        raise UsageError(error.format_message(), remedy=f"'{_help_for(words)}' lists what there is.") from error
    if status == STOPPED:  # what Typer makes of a KeyboardInterrupt
        raise KeyboardInterrupt
    return status or 0


def _help_for(words: Sequence[str]) -> str:
    ours = (app, service, remote, searches, cluster)
    known = {one.name or getattr(one.callback, "__name__", "") for part in ours for one in part.registered_commands}
    return f"shardblast {words[0]} --help" if words[0] in known else "shardblast --help"


def _print_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"shardblast {__version__}\n")
        raise typer.Exit


@app.callback()
def _shardblast(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None: ...


def _command_of(program: Program) -> Callable[[list[str]], int]:
    def command(
        words: Annotated[
            list[str], typer.Argument(metavar="OPTION", help="As for BLAST+, and ours; -help lists them.")
        ],
    ) -> int:
        from shardblast.cli.blast import search

        return search(program, words)

    return command


# Only for --help: main.py does not bring these here, because BLAST+'s command lines are of another kind.
for _program, _purpose in PROGRAMS.items():
    app.command(_program.value, help=_purpose, context_settings=AS_THEY_STAND)(_command_of(_program))


@app.command(
    context_settings=AS_THEY_STAND,
    short_help="Search with shards and without, and compare.",
    epilog="Example: shardblast verify blastn -db DATABASE -query queries.fa -outfmt 6 --shards 4",
)
def verify(
    context: typer.Context,
    program: Annotated[Program, typer.Argument(metavar="PROGRAM", help="blastn, blastp, blastx, tblastn or tblastx.")],
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="OPTION", help="As for the program. What -out names is not written."),
    ] = None,
) -> int:
    """Search with shards and without, and compare the two outputs byte for byte.

    Standard output gets the result as JSON, standard error a table of it (not with --quiet).
    In SAM, @PG lines may differ, since they hold the command. Format 11 always differs: with shards it holds an archive
    for each query. The run without shards comes first, so it may be the one that reads the database from disk. Peak
    memory is that of a run's largest process.

    Exit status: 0 if all is identical, 1 if not; if one of the two runs fails, the status it fails with.
    """
    if not words or "--help" in words:
        sys.stdout.write(context.get_help() + "\n")
        return 0 if words else 1
    from shardblast.cli.verify import verify

    return verify(program, words)


app.add_typer(service)
app.add_typer(remote)
app.add_typer(searches)
app.add_typer(cluster)
app.add_typer(databases, name="db")
app.add_typer(tokens, name="token")
app.add_typer(nodes, name="cluster")


@app.command(short_help="Say what is missing or wrong here, and what to do.")
def doctor(
    database: Annotated[
        str | None, typer.Option("-db", metavar="NAME", help="Check this database too, named as for BLAST+.")
    ] = None,
    program: Annotated[
        Program | None,
        typer.Option("--program", metavar="PROGRAM", help="The program to search the database with."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Say what is missing or wrong here, and what to do: BLAST+, cores, memory, disk, a database.

    Exit status: 0 if there is no problem, else 1.
    """
    from shardblast.cli.doctor import doctor

    return doctor(database, program, as_json=as_json)
