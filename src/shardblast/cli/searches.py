"""The commands for a service's searches: submit, preflight, status, results, cancel, delete and others."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from shardblast.cli.options import DEFAULT_SERVER, AsJson, Quiet, Server, grouped, write_json
from shardblast.core.errors import NetworkError, ShardblastError, UsageError
from shardblast.core.formatting import Printing
from shardblast.core.program import Program
from shardblast.core.search import State

if TYPE_CHECKING:
    from shardblast.cli.client import Client, Submission

remote = typer.Typer(add_completion=False, rich_markup_mode=None)

ExactnessName = Annotated[str, typer.Option("--exactness", help="identical or complete.")]

searches = typer.Typer(add_completion=False, rich_markup_mode=None)

Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the search.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of the searches.")]

AS_FOR_BLAST = "As for BLAST+."
SHOWN = "As for BLAST+, among the subjects that the search kept."


@dataclass(frozen=True, slots=True)
class WantedSearch:
    program: Annotated[Program, typer.Argument(metavar="PROGRAM", help="blastn, blastp, blastx, tblastn or tblastx.")]
    database: Annotated[str, typer.Option("-db", "--db", metavar="NAME", help="Database of the service.")]
    words: Annotated[
        list[str] | None, typer.Argument(metavar="OPTION", help="Other BLAST+ options, except those that name files.")
    ] = None
    query: Annotated[
        str | None,
        typer.Option(
            "-query", "--query", metavar="FILE", help="FASTA, plain or compressed; - or no option: standard input."
        ),
    ] = None
    options: Annotated[str, typer.Option("--options", help="Further BLAST+ options, as one quoted string.")] = ""

    def submission(self, title: str, exactness: str) -> Submission:
        from shardblast.cli.client import Submission, all_words, options_text, query_source, without_lists

        others, lists = without_lists(all_words(self.words or [], self.options))
        fields = {"program": self.program.value, "database": self.database, "title": title, "exactness": exactness}
        return Submission(fields | {"options": options_text(others)}, query_source(self.query), lists)


@dataclass(frozen=True, slots=True)
class Awaited:
    """Whether to wait for the end of a search, and where to print its result then."""

    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end, with progress on a terminal.")] = False
    outfmt: Annotated[
        str | None, typer.Option("-outfmt", "--outfmt", help="With --wait: print the result in this format.")
    ] = None
    out: Annotated[
        str | None, typer.Option("-out", "--out", metavar="FILE", help="With --wait: write the result to this file.")
    ] = None


@dataclass(frozen=True, slots=True)
class PrintingOptions(Printing):
    num_descriptions: Annotated[int | None, typer.Option("-num_descriptions", help=SHOWN)] = None
    num_alignments: Annotated[int | None, typer.Option("-num_alignments", help=SHOWN)] = None
    line_length: Annotated[int | None, typer.Option("-line_length", help=AS_FOR_BLAST)] = None
    html: Annotated[bool, typer.Option("-html", help=AS_FOR_BLAST)] = False
    show_gis: Annotated[bool, typer.Option("-show_gis", help=AS_FOR_BLAST)] = False
    sorthits: Annotated[int | None, typer.Option("-sorthits", help=AS_FOR_BLAST)] = None
    sorthsps: Annotated[int | None, typer.Option("-sorthsps", help=AS_FOR_BLAST)] = None


@remote.command(
    short_help="Queue a search.",
    context_settings={"ignore_unknown_options": True},
    epilog="Example: shardblast submit blastn -db 16s -query q.fa -evalue 1e-10 --wait -outfmt 6 -out hits.tsv",
)
@grouped
def submit(
    wanted: WantedSearch,
    title: Annotated[str, typer.Option("--title", help="Title of the search.")] = "",
    exactness: ExactnessName = "identical",
    awaited: Awaited = Awaited(),
    key: Annotated[
        str | None,
        typer.Option("--idempotency-key", help="Submitting again with the same key returns the existing search."),
    ] = None,
    server: Server = DEFAULT_SERVER,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Queue a search and print its id. BLAST+ options are written as for BLAST+, and the service validates them.

    With --wait the exit status is that of 'wait', and -outfmt or -out print the result as BLAST+ itself would. The id
    then goes to standard error, and Ctrl-C leaves the search running.
    """
    from shardblast.cli.client import check_printing
    from shardblast.cli.display import wait_for

    printing = check_printing(awaited.outfmt, awaited.out, wait=awaited.wait)
    client = client_of(server)
    search = client.submit(wanted.submission(title, exactness), key)
    if not (printing and quiet):
        stream = sys.stderr if printing else sys.stdout
        stream.write(json.dumps(search, indent=2) + "\n" if as_json else f"{search['id']}\n")
        stream.flush()
    status = wait_for(client, [search["id"]], quiet=quiet) if awaited.wait else 0
    if printing and not status:
        client.results(search["id"], awaited.outfmt or "0", Printing(), awaited.out)
    return status


@remote.command(
    short_help="Check a search without running it.",
    context_settings={"ignore_unknown_options": True},
    epilog="Example: shardblast preflight blastn -db 16s -query q.fa -evalue 1e-10",
)
@grouped
def preflight(
    wanted: WantedSearch,
    exactness: ExactnessName = "identical",
    server: Server = DEFAULT_SERVER,
    as_json: AsJson = False,
) -> int:
    """Check a search without running it: print its plan, and every problem with its remedy.

    Exit status: 0 if the search could run, otherwise 1.
    """
    from shardblast.cli.display import print_preflight

    found = client_of(server).preflight(wanted.submission("", exactness))
    (write_json if as_json else print_preflight)(found)
    return 0 if found["ok"] else 1


def client_of(server: str, token: str | None = None) -> Client:
    """Return a client of the service at an address; the default token is ``SHARDBLAST_TOKEN``."""
    # httpx imports its command line, with Rich and Pygments, if it can. That would take a third of our start-up time.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    from shardblast.cli.client import Client

    return Client(server, token or os.environ.get("SHARDBLAST_TOKEN"))


@searches.command(short_help="Show a search's status.")
def status(search_id: Id, server: Server = DEFAULT_SERVER, as_json: AsJson = False) -> int:
    """Show a search's status.

    Exit status: 0 completed, 10 failed, 11 cancelled, 12 not finished.
    """
    from shardblast.cli.display import exit_status, print_search

    search = client_of(server).search(search_id)
    (write_json if as_json else print_search)(search)
    return exit_status(search)


@searches.command(short_help="Wait for searches to finish.")
def wait(search_ids: Ids, server: Server = DEFAULT_SERVER, quiet: Quiet = False) -> int:
    """Wait for searches to finish, with progress on a terminal. The service may restart meanwhile.

    Exit status: 0 completed, 10 failed, 11 cancelled, 5 service unreachable; for several searches the highest. Ctrl-C
    ends the waiting, not the searches.
    """
    from shardblast.cli.display import wait_for

    return wait_for(client_of(server), search_ids, quiet=quiet)


@searches.command(short_help="Print a result.")
@grouped
def results(
    search_id: Id,
    outfmt: Annotated[str, typer.Option("-outfmt", "--outfmt", help=AS_FOR_BLAST)] = "0",
    out: Annotated[
        str | None, typer.Option("-out", "--out", metavar="FILE", help="Write the result to this file.")
    ] = None,
    query: Annotated[
        int | None, typer.Option("--query", min=0, metavar="NUMBER", help="Print only this query (0: the first).")
    ] = None,
    printing: PrintingOptions = PrintingOptions(),
    server: Server = DEFAULT_SERVER,
) -> int:
    """Print a result as BLAST+ prints it, in any format.

    Formats 13 and 14 leave the files that BLAST+ leaves for -out; without -out they print a zip archive of these.
    """
    client_of(server).results(search_id, outfmt, printing, out, query)
    return 0


@searches.command(short_help="Cancel a search.")
def cancel(search_id: Id, server: Server = DEFAULT_SERVER) -> int:
    """Cancel a search, and wait until its last process has ended."""
    from collections import deque

    client = client_of(server)
    client.act(search_id, "cancel")
    (last,) = deque(client.changes(search_id), maxlen=1)
    sys.stdout.write(f"{last['state']}\n")
    return 0


@searches.command(name="list", short_help="List searches.")
def list_searches(
    state: Annotated[State | None, typer.Option("--state", help="List only searches in this state.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="Maximum number of searches.")] = 20,
    cursor: Annotated[str | None, typer.Option("--cursor", help="Continue after an earlier list.")] = None,
    every: Annotated[bool, typer.Option("--all", help="List all searches; ignores --limit.")] = False,
    server: Server = DEFAULT_SERVER,
    as_json: AsJson = False,
) -> int:
    """List searches, newest first, as a table on a terminal and tab-separated in a pipe.

    The columns are id, state, program, database, time of submission (local), run time in seconds, hits, title and the
    reason for waiting. Unknown values are empty. If there are more searches, standard error names the next cursor.
    """
    from shardblast.cli.display import print_searches

    client, wanted = client_of(server), state.value if state else None
    if every:
        found, following = list(client.searches(wanted, cursor)), None
    else:
        page = client.page(wanted, limit, cursor)
        found, following = page["searches"], page["cursor"]
    (write_json if as_json else print_searches)(found)
    if following is not None:
        sys.stderr.write(f"There are more searches. Use --all, or --cursor {following} to continue.\n")
    return 0


@searches.command(short_help="Show a search's report.")
def report(search_id: Id, server: Server = DEFAULT_SERVER, as_json: AsJson = False) -> int:
    """Show a search's report: verdicts, shards, times, versions, the equivalent BLAST+ command, and the citation.

    The report is JSON; on a terminal without --json it is tables of the verdicts and shards.
    """
    from shardblast.cli.display import print_report

    found = client_of(server).report(search_id)
    (write_json if as_json or not sys.stdout.isatty() else print_report)(found)
    return 0


@searches.command(short_help="Run a search again.")
def retry(search_id: Id, server: Server = DEFAULT_SERVER) -> int:
    """Run a search again: a failed one resumes from its finished pieces, a cancelled one starts from the beginning."""
    sys.stdout.write(f"{client_of(server).act(search_id, 'retry')['state']}\n")
    return 0


@searches.command(short_help="Delete searches.")
def delete(search_ids: Ids, server: Server = DEFAULT_SERVER) -> int:
    """Delete finished searches, with their results and share links.

    If a search can't be deleted, the error is printed and the others are still deleted. The exit status is then that
    of the first error.
    """
    client = client_of(server)
    status = 0
    for search_id in search_ids:
        try:
            client.delete(search_id)
        except NetworkError:
            raise
        except ShardblastError as error:
            sys.stderr.write(f"{search_id}: {error.problem}\nshardblast: {error.remedy}\n")
            status = status or error.exit_status
    return status


@searches.command(short_help="Create, list or revoke share links of a search.")
def share(
    search_id: Id,
    listed: Annotated[bool, typer.Option("--list", help="List the links (without their URLs).")] = False,
    revoked: Annotated[
        str | None, typer.Option("--revoke", metavar="SHARE", help="Revoke a link, by its id in the list.")
    ] = None,
    server: Server = DEFAULT_SERVER,
) -> int:
    """Create and print a share link, with which anyone can read the search and its results. It is shown only once."""
    if listed and revoked is not None:
        raise UsageError("--list and --revoke exclude each other.", remedy="Leave one of them out.")
    client = client_of(server)
    if revoked is not None:
        client.revoke(search_id, revoked)
    elif listed:
        from shardblast.cli.display import minute, print_rows

        print_rows(("Share", "Created"), [(link["id"], minute(link["created"])) for link in client.shares(search_id)])
    else:
        sys.stdout.write(f"{client.act(search_id, 'share')['url']}\n")
    return 0
