"""The commands for searches that a service has: how they stand, what they found, stopping and removing them."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from shardblast.cli.options import DEFAULT_SERVER, AsJson, Quiet, Server
from shardblast.cli.remote import client_of
from shardblast.core.errors import NetworkError, ShardblastError, UsageError
from shardblast.core.search import State

searches = typer.Typer(add_completion=False, rich_markup_mode=None)

Id = Annotated[str, typer.Argument(metavar="ID", help="Of the search.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Of the searches.")]

AS_FOR_BLAST = "As for BLAST+."
SHOWN = "As for BLAST+, of the subjects that the search kept."


@searches.command(short_help="Tell how a search stands.")
def status(search_id: Id, server: Server = DEFAULT_SERVER, as_json: AsJson = False) -> int:
    """Tell how a search stands.

    Exit status: 0 completed, 10 failed, 11 cancelled, 12 not over.
    """
    from shardblast.cli.display import print_search
    from shardblast.cli.waiting import exit_status

    search = client_of(server).search(search_id)
    if as_json:
        sys.stdout.write(json.dumps(search, indent=2) + "\n")
    else:
        print_search(search)
    return exit_status(search)


@searches.command(short_help="Wait for the end of searches.")
def wait(search_ids: Ids, server: Server = DEFAULT_SERVER, quiet: Quiet = False) -> int:
    """Wait for the end of searches, with their progress on a terminal, also while the service starts again.

    Exit status: 0 completed, 10 failed, 11 cancelled, 5 the service is gone; of several searches the largest. Ctrl-C
    ends the waiting, not the searches.
    """
    from shardblast.cli.waiting import wait_for

    return wait_for(client_of(server), search_ids, quiet=quiet)


@searches.command(short_help="Print a result.")
def results(
    search_id: Id,
    outfmt: Annotated[str, typer.Option("-outfmt", "--outfmt", help=AS_FOR_BLAST)] = "0",
    out: Annotated[str | None, typer.Option("-out", "--out", metavar="FILE", help="A file for it.")] = None,
    query: Annotated[
        int | None, typer.Option("--query", min=0, metavar="NUMBER", help="Only this query; the first one is 0.")
    ] = None,
    num_descriptions: Annotated[int | None, typer.Option("-num_descriptions", help=SHOWN)] = None,
    num_alignments: Annotated[int | None, typer.Option("-num_alignments", help=SHOWN)] = None,
    line_length: Annotated[int | None, typer.Option("-line_length", help="Letters of a line.")] = None,
    html: Annotated[bool, typer.Option("-html", help=AS_FOR_BLAST)] = False,
    show_gis: Annotated[bool, typer.Option("-show_gis", help=AS_FOR_BLAST)] = False,
    sorthits: Annotated[int | None, typer.Option("-sorthits", help=AS_FOR_BLAST)] = None,
    sorthsps: Annotated[int | None, typer.Option("-sorthsps", help=AS_FOR_BLAST)] = None,
    server: Server = DEFAULT_SERVER,
) -> int:
    """Print a result as BLAST+ prints it, in any format."""
    from shardblast.core.printing import Printing

    printing = Printing(num_descriptions, num_alignments, line_length, html, show_gis, sorthits, sorthsps)
    client_of(server).results(search_id, outfmt, printing, out, query)
    return 0


@searches.command(short_help="Stop a search.")
def cancel(search_id: Id, server: Server = DEFAULT_SERVER) -> int:
    """Stop a search for good, and wait until nothing of it runs any more."""
    from collections import deque

    client = client_of(server)
    client.cancel(search_id)
    (last,) = deque(client.changes(search_id), maxlen=1)
    sys.stdout.write(f"{last['state']}\n")
    return 0


@searches.command(name="list", short_help="List searches.")
def list_searches(
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="At most so many.")] = 20,
    cursor: Annotated[str | None, typer.Option("--cursor", help="Go on after a list that told it.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them; --limit does not count.")] = False,
    server: Server = DEFAULT_SERVER,
    as_json: AsJson = False,
) -> int:
    """List searches, newest first: a table on a terminal, lines of columns parted by tabs in a pipe.

    The columns: id, state, program, database, when it was created (local time), seconds that it ran or runs, hits,
    title; those not known yet are empty. If there are more searches, standard error tells the cursor of the next.
    """
    from shardblast.cli.display import print_searches

    client, wanted = client_of(server), state.value if state else None
    if every:
        found, following = list(client.searches(wanted, cursor)), None
    else:
        page = client.page(wanted, limit, cursor)
        found, following = page["searches"], page["cursor"]
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        print_searches(found)
    if following is not None:
        sys.stderr.write(f"There are more: --cursor {following}, or --all.\n")
    return 0


@searches.command(short_help="Tell what was done.")
def report(search_id: Id, server: Server = DEFAULT_SERVER, as_json: AsJson = False) -> int:
    """Tell what was done: verdicts, shards, times, versions, the BLAST+ command that prints the same, what to cite.

    JSON; on a terminal, without --json, tables of the verdicts and of the shards.
    """
    from shardblast.cli.display import print_report

    told = client_of(server).report(search_id)
    if as_json or not sys.stdout.isatty():
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
    else:
        print_report(told)
    return 0


@searches.command(short_help="Run a search again.")
def retry(search_id: Id, server: Server = DEFAULT_SERVER) -> int:
    """Run a search again: one that failed goes on with its finished pieces, one that was cancelled starts anew."""
    sys.stdout.write(f"{client_of(server).retry(search_id)['state']}\n")
    return 0


@searches.command(short_help="Remove searches.")
def delete(search_ids: Ids, server: Server = DEFAULT_SERVER) -> int:
    """Remove searches that are over, with their results and share links.

    What can't be removed is told, and the others are removed; the exit status is then that of the first failure.
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


@searches.command(short_help="Make, list or revoke links to a search.")
def share(
    search_id: Id,
    listed: Annotated[bool, typer.Option("--list", help="List the links, but not what they are.")] = False,
    revoked: Annotated[
        str | None, typer.Option("--revoke", metavar="SHARE", help="Make a link void, by its id in the list.")
    ] = None,
    server: Server = DEFAULT_SERVER,
) -> int:
    """Make a link by which anybody may read this search and its results, and print it, this once."""
    if listed and revoked is not None:
        raise UsageError("--list and --revoke exclude each other.", remedy="Leave one of them out.")
    client = client_of(server)
    if revoked is not None:
        client.revoke(search_id, revoked)
    elif listed:
        from shardblast.cli.display import minute, print_rows

        print_rows(("Share", "Created"), [(one["id"], minute(one["created"])) for one in client.shares(search_id)])
    else:
        sys.stdout.write(f"{client.share(search_id)['url']}\n")
    return 0
