"""The commands that ask a service for new searches."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from shardblast.cli.options import DEFAULT_SERVER, AsJson, Quiet, Server
from shardblast.core.program import Program

if TYPE_CHECKING:
    from shardblast.cli.client import Client
    from shardblast.cli.submission import Submission

remote = typer.Typer(add_completion=False, rich_markup_mode=None)

Wanted = Annotated[Program, typer.Argument(metavar="PROGRAM", help="blastn, blastp, blastx, tblastn or tblastx.")]
DatabaseName = Annotated[str, typer.Option("-db", "--db", metavar="NAME", help="A database of the service.")]
Query = Annotated[
    str | None,
    typer.Option("-query", "--query", metavar="FILE", help="FASTA, plain or packed; default, and -: standard input."),
]
Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="OPTION", help="BLAST+'s others, as for BLAST+, but for those that name files."),
]
Options = Annotated[str, typer.Option("--options", help="More of BLAST+'s options, in one word.")]
ExactnessName = Annotated[str, typer.Option("--exactness", help="identical or complete.")]


@remote.command(
    short_help="Queue a search.",
    context_settings={"ignore_unknown_options": True},
    epilog="Example: shardblast submit blastn -db 16s -query q.fa -evalue 1e-10 --wait -outfmt 6 -out hits.tsv",
)
def submit(
    program: Wanted,
    database: DatabaseName,
    words: Words = None,
    query: Query = None,
    options: Options = "",
    title: Annotated[str, typer.Option("--title", help="To find it again.")] = "",
    exactness: ExactnessName = "identical",
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end, with progress on a terminal.")] = False,
    outfmt: Annotated[
        str | None, typer.Option("-outfmt", "--outfmt", help="With --wait: print the result, as BLAST+ does.")
    ] = None,
    out: Annotated[
        str | None, typer.Option("-out", "--out", metavar="FILE", help="With --wait: a file for the result.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--idempotency-key", help="The same key gives the same search, not a second one.")
    ] = None,
    server: Server = DEFAULT_SERVER,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Queue a search and print its id; BLAST+'s options stand as for BLAST+, and the service judges them.

    With --wait the exit status is that of wait, and -outfmt and -out print the result as BLAST+ itself would; the id
    is then on standard error, and Ctrl-C leaves the search running.
    """
    from shardblast.cli.submission import check_printing
    from shardblast.cli.waiting import wait_for
    from shardblast.core.printing import Printing

    printing = check_printing(outfmt, out, wait=wait)
    client = client_of(server)
    wanted = _submission(program, database, words, query, options, title, exactness)
    search = client.submit(wanted, key)
    if not (printing and quiet):
        told = sys.stderr if printing else sys.stdout
        told.write(json.dumps(search, indent=2) + "\n" if as_json else f"{search['id']}\n")
        told.flush()
    status = wait_for(client, [search["id"]], quiet=quiet) if wait else 0
    if printing and not status:
        client.results(search["id"], outfmt or "0", Printing(), out)
    return status


@remote.command(
    short_help="Tell what a search would do, and all its problems.",
    context_settings={"ignore_unknown_options": True},
    epilog="Example: shardblast preflight blastn -db 16s -query q.fa -evalue 1e-10",
)
def preflight(
    program: Wanted,
    database: DatabaseName,
    words: Words = None,
    query: Query = None,
    options: Options = "",
    exactness: ExactnessName = "identical",
    server: Server = DEFAULT_SERVER,
    as_json: AsJson = False,
) -> int:
    """Tell what a search would do and all that keeps it from running, with what to do about it; nothing is queued.

    Exit status: 0 if it would run, else 1.
    """
    from shardblast.cli.display import print_preflight

    found = client_of(server).preflight(_submission(program, database, words, query, options, "", exactness))
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        print_preflight(found)
    return 0 if found["ok"] else 1


def client_of(server: str, token: str | None = None) -> Client:
    """Return the service at an address; without a token ``SHARDBLAST_TOKEN`` is sent."""
    # httpx brings a command line of its own, with Rich and Pygments, unless it can't be imported: a third of our start.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    from shardblast.cli.client import Client

    return Client(server, token or os.environ.get("SHARDBLAST_TOKEN"))


def _submission(
    program: Program,
    database: str,
    words: list[str] | None,
    query: str | None,
    options: str,
    title: str,
    exactness: str,
) -> Submission:
    from shardblast.cli.submission import Submission, all_words, options_text, query_source, without_lists

    others, lists = without_lists(all_words(words or [], options))
    fields = {"program": program.value, "database": database, "title": title, "exactness": exactness}
    return Submission(fields | {"options": options_text(others)}, query_source(query), lists)
