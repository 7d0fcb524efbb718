"""The Typer application: all commands, and the help of the BLAST+ programs."""

import sys
from collections.abc import Callable
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
"""Typer settings that pass on BLAST+'s options, whose syntax Typer can't parse."""
STOPPED = 130
"""Typer's status after a KeyboardInterrupt."""

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Run NCBI BLAST+ over a sharded database, with output identical to an unsharded run.",
)


def run(words: list[str]) -> int:
    """Run a command and return its exit status. Raises UsageError if the command or an option does not exist."""
    try:
        status = app(args=words or ["--help"], prog_name="shardblast", standalone_mode=False)
    except TyperException as error:
        message = error.format_message().replace("Value error, ", "").replace(": Input should", ": it should")
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "shardblast"
        raise UsageError(f"{message.rstrip('.')}.", remedy=f"See '{command} --help'.") from error
    if status == STOPPED:
        raise KeyboardInterrupt
    return status or 0


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
            list[str], typer.Argument(metavar="OPTION", help="BLAST+ and shardblast options; -help lists them.")
        ],
    ) -> int:
        from shardblast.cli.blast import search

        return search(program, words)

    return command


# Only for --help: main.py runs these programs without Typer, which can't parse BLAST+'s command lines.
for _program, _purpose in PROGRAMS.items():
    app.command(_program.value, help=_purpose, context_settings=AS_THEY_STAND)(_command_of(_program))


@app.command(
    context_settings=AS_THEY_STAND,
    short_help="Compare a search with and without shards.",
    epilog="Example: shardblast verify blastn -db DATABASE -query queries.fa -outfmt 6 --shards 4",
)
def verify(
    context: typer.Context,
    program: Annotated[Program, typer.Argument(metavar="PROGRAM", help="blastn, blastp, blastx, tblastn or tblastx.")],
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="OPTION", help="Options of the program. The file of -out is not written."),
    ] = None,
) -> int:
    """Run a search with and without shards, and compare the two outputs byte for byte.

    The result goes to standard output as JSON, and to standard error as a table (not with --quiet).
    In SAM, @PG lines may differ, because they contain the command. Format 11 always differs: with shards it contains
    one archive per query. The run without shards comes first, so it may be the one that reads the database from disk.
    Peak memory is that of a run's largest process.

    Exit status: 0 if the outputs are identical, otherwise 1. If a run fails, its exit status is returned.
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


@app.command(short_help="Check this machine's setup and suggest fixes.")
def doctor(
    database: Annotated[
        str | None, typer.Option("-db", metavar="NAME", help="Also check this database, named as for BLAST+.")
    ] = None,
    program: Annotated[
        Program | None, typer.Option("--program", metavar="PROGRAM", help="Program to search the database with.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Check this machine's BLAST+, cores, memory, disk and, with -db, a database, and suggest fixes.

    Exit status: 0 if there is no problem, otherwise 1.
    """
    from shardblast.cli.doctor import doctor

    return doctor(database, program, as_json=as_json)
