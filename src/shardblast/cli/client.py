"""A service over HTTP, as the commands use it, and what they submit to it."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import stat
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from os import fstat
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, cast
from urllib.parse import quote

import httpx
from httpx_sse import ServerSentEvent, connect_sse

from shardblast.core.errors import InputError, NetworkError, OutputError, UnauthorizedError, UsageError, error_for_code
from shardblast.core.formats import parse_outfmt
from shardblast.core.option_table import LISTS, NUMBER_FILTERS, STRATEGY_OPTIONS
from shardblast.core.printing import Printing
from shardblast.core.search import State
from shardblast.engine.output import open_output

STANDARD_INPUT = "-"
FILES = NUMBER_FILTERS | STRATEGY_OPTIONS | {"subject", "filtering_db", "window_masker_db", "index_name", "in_msa"}
"""Options of BLAST+ that name files where it runs; the service would look for them on its own machine."""

TIMEOUT_S = 60.0
QUIET_S = 45.0
"""The service sends something at least every 15 s, so that a longer silence means that it is gone."""
PATIENCE_S = 60.0
"""How long a service that was reached before may be away."""
AGAIN_AFTER_S = 0.5
MOST_OF_A_PAGE = 500
_ID = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Submission:
    """A search that is wanted."""

    fields: Mapping[str, str]
    """As the service's form has them."""
    query: str
    """A file, or ``-`` for standard input."""
    lists: Mapping[str, str]
    """Files of ids or taxids, whose content is sent, by the option that names them."""


def without_lists(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return BLAST+'s words but for those that name lists of ids or taxids, and these lists by their options.

    Raises:
        InputError: One of these has no value, or comes twice.
    """
    others: list[str] = []
    lists: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        name, sign, file = word[1:].partition("=")
        if not word.startswith("-") or name not in LISTS:
            others.append(word)
            continue
        file = file if sign else next(rest, "")
        if not file or name in lists:
            raise InputError(f"-{name} needs one file.", remedy="Write its name after it, once.")
        lists[name] = file
    return others, lists


def options_text(words: Sequence[str]) -> str:
    """Return BLAST+'s options as one command line for the service, which judges them.

    Args:
        words: As they stand on our command line, but for those that name lists.

    Raises:
        InputError: One of them names a file of this machine.
        UsageError: One has two dashes and is none of ours.
    """
    for word in words:
        if word.startswith("--"):
            raise UsageError(f"Unknown option {word!r}.", remedy="BLAST+'s options have one dash.")
        name = word[1:].partition("=")[0]
        if word.startswith("-") and name in FILES:
            problem = f"-{name} names a file of this machine, which the service does not take."
            raise InputError(problem, remedy="Leave it out, or search here: shardblast without submit.")
    return shlex.join(words)


def all_words(words: Sequence[str], options: str) -> list[str]:
    """Return BLAST+'s words, as they stand on our command line and in the value of ``--options``.

    Raises:
        UsageError: The quotes of the latter do not match.
    """
    try:
        return [*words, *shlex.split(options)]
    except ValueError as error:
        raise UsageError(f"--options can't be read: {error}.", remedy="Check its quotes.") from error


def query_source(query: str | None) -> str:
    """Return where the queries are: without ``-query`` on standard input, as for BLAST+, unless somebody types there.

    Raises:
        UsageError: Standard input is a terminal, and nobody said that it is meant.
    """
    if query is None and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("There are no queries.", remedy="Name a file with -query, or send FASTA to standard input.")
    return STANDARD_INPUT if query is None else query


def check_printing(outfmt: str | None, out: str | None, *, wait: bool) -> bool:
    """Say whether a result is to be printed; what would keep it from that is said before the search, not after it.

    Raises:
        UsageError: Nobody waits for the result.
        InputError: There is no such format.
        OutputError: There is no folder for the file.
    """
    if outfmt is None and out is None:
        return False
    if not wait:
        raise UsageError("-outfmt and -out need --wait.", remedy="Add it, or give them to 'shardblast results' later.")
    parse_outfmt(outfmt or "0")
    if out is not None and not Path(out).absolute().parent.is_dir():
        raise OutputError(f"There is no folder for {out!r}.", remedy="Check -out.")
    return True


@contextmanager
def open_query(query: str) -> Iterator[BinaryIO]:
    """Open queries to be sent; what is no plain file is copied first, since a form tells its length before.

    Raises:
        InputError: They can't be read.
    """
    piped = query == STANDARD_INPUT
    with ExitStack() as stack:
        try:
            source: BinaryIO = stack.enter_context(open(0 if piped else query, "rb", closefd=not piped))
            if piped or not stat.S_ISREG(fstat(source.fileno()).st_mode):
                copy = cast(BinaryIO, stack.enter_context(TemporaryFile()))
                shutil.copyfileobj(source, copy)
                copy.seek(0)
                source = copy
            yield source
        except OSError as error:
            name = "Standard input" if piped else repr(query)
            raise InputError(f"{name} can't be read: {error.strerror}.", remedy="Check -query.") from error


def open_list(name: str, file: str) -> BinaryIO:
    """Open a list of ids or taxids to be sent.

    Raises:
        InputError: It can't be read.
    """
    try:
        return open(file, "rb")
    except OSError as error:
        raise InputError(f"{file!r} can't be read: {error.strerror}.", remedy=f"Check -{name}.") from error


class Client:
    """A service at an address."""

    def __init__(self, server: str, token: str | None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=f"{server.rstrip('/')}/api/v1", headers=headers, timeout=TIMEOUT_S)

    def submit(self, wanted: Submission, key: str | None) -> dict[str, Any]:
        """Queue a search.

        Raises:
            ShardblastError: The queries can't be read, or the service refuses or can't be reached.
        """
        return self._sent("/searches", wanted, {"Idempotency-Key": key} if key else {})

    def preflight(self, wanted: Submission) -> dict[str, Any]:
        """Return what would run, and its problems."""
        return self._sent("/searches/preflight", wanted, {})

    def _sent(self, path: str, wanted: Submission, headers: dict[str, str]) -> dict[str, Any]:
        with ExitStack() as stack:
            opened = {"query": stack.enter_context(open_query(wanted.query))}
            opened |= {name: stack.enter_context(open_list(name, file)) for name, file in wanted.lists.items()}
            files = {name: (name, file, "application/octet-stream") for name, file in opened.items()}
            return self._json("POST", path, data=wanted.fields, files=files, headers=headers)

    def search(self, search_id: str) -> dict[str, Any]:
        """Return a search."""
        return self._json("GET", _path(search_id))

    def page(self, state: str | None, limit: int, cursor: str | None) -> dict[str, Any]:
        """Return some searches, newest first, and the cursor of the next page."""
        values = {"limit": limit, "state": state, "cursor": cursor}
        return self._json("GET", "/searches", params={name: value for name, value in values.items() if value})

    def searches(self, state: str | None, cursor: str | None) -> Iterator[dict[str, Any]]:
        """Yield all searches, newest first, or those from a cursor on."""
        while True:
            page = self.page(state, MOST_OF_A_PAGE, cursor)
            yield from page["searches"]
            cursor = page["cursor"]
            if cursor is None:
                return

    def cancel(self, search_id: str) -> dict[str, Any]:
        """Stop a search."""
        return self._json("POST", f"{_path(search_id)}/cancel")

    def retry(self, search_id: str) -> dict[str, Any]:
        """Run a search again."""
        return self._json("POST", f"{_path(search_id)}/retry")

    def delete(self, search_id: str) -> None:
        """Remove a search."""
        self._answer("DELETE", _path(search_id))

    def report(self, search_id: str) -> dict[str, Any]:
        """Return what was done."""
        return self._json("GET", f"{_path(search_id)}/report")

    def share(self, search_id: str) -> dict[str, Any]:
        """Make a link."""
        return self._json("POST", f"{_path(search_id)}/share")

    def shares(self, search_id: str) -> Sequence[dict[str, Any]]:
        """Return the links of a search."""
        found: list[dict[str, Any]] = self._answer("GET", f"{_path(search_id)}/shares").json()
        return found

    def revoke(self, search_id: str, share_id: str) -> None:
        """Make a link void."""
        self._answer("DELETE", f"{_path(search_id)}/shares/{_checked(share_id, 'a link')}")

    def database(self, name: str) -> dict[str, Any]:
        """Return a database."""
        return self._json("GET", f"/databases/{quote(name, safe='')}")

    def add_database(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Add a database; return it, or the task that brings it."""
        return self._json("POST", "/databases", json=wanted)

    def update_database(self, name: str) -> dict[str, Any]:
        """Update a database; return it, or the task that brings what is new."""
        return self._json("POST", f"/databases/{quote(name, safe='')}/update")

    def warm_database(self, name: str) -> dict[str, Any]:
        """Begin to read a database into memory; return the task."""
        return self._json("POST", f"/databases/{quote(name, safe='')}/warm")

    def remove_database(self, name: str, *, force: bool) -> None:
        """Remove a database; with force also if searches use it, which are cancelled."""
        self._answer("DELETE", f"/databases/{quote(name, safe='')}", params={"force": force})

    def changes(self, search_id: str) -> Iterator[dict[str, Any]]:
        """Yield the search as it is and after every change, until it is over; waits for a service that starts again."""
        return self._changes(_path(search_id))

    def task_changes(self, task_id: str) -> Iterator[dict[str, Any]]:
        """Yield a task likewise."""
        return self._changes(f"/tasks/{_checked(task_id, 'a task')}")

    def _changes(self, path: str) -> Iterator[dict[str, Any]]:
        with _translated():
            for told in self._told(path):
                yield told
                if State(told["state"]).is_final:
                    return

    def _told(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield what is told of a search or a task, over as many connections as it takes."""
        last: str | None = None
        told = time.monotonic()
        while True:
            try:
                for event in self._events(path, last):
                    last, told = event.id or last, time.monotonic()
                    if event.event in ("snapshot", "search", "task"):
                        yield json.loads(event.data)
            except httpx.TransportError:
                if last is None or time.monotonic() - told > QUIET_S + PATIENCE_S:
                    raise
                time.sleep(AGAIN_AFTER_S)

    def _events(self, path: str, last: str | None) -> Iterator[ServerSentEvent]:
        """Yield what one connection tells."""
        headers = {} if last is None else {"Last-Event-ID": last}
        with connect_sse(self._http, "GET", f"{path}/events", headers=headers, timeout=QUIET_S) as source:
            _check(source.response)
            yield from source.iter_sse()

    def results(
        self, search_id: str, outfmt: str, printing: Printing, out: str | None, query: int | None = None
    ) -> None:
        """Write a result, or what it has of one query (0-based), to a file or to standard output."""
        values = {name: "true" if value is None else value for name, value in printing.given.items()}
        values |= {} if query is None else {"query": str(query)}
        with (
            open_output(out) as target,
            _translated(),
            self._http.stream("GET", f"{_path(search_id)}/results", params={"outfmt": outfmt, **values}) as response,
        ):
            _check(response)
            for block in response.iter_bytes():
                target.write(block)

    def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        told: dict[str, Any] = self._answer(method, path, **request).json()
        return told

    def _answer(self, method: str, path: str, **request: Any) -> httpx.Response:
        with _translated():
            response = self._http.request(method, path, **request)
            _check(response)
            return response


def _path(search_id: str) -> str:
    return f"/searches/{_checked(search_id, 'a search')}"


def _checked(one: str, of: str) -> str:
    """Return an id that may be part of an address.

    Raises:
        UsageError: It is none; an empty one is most likely a variable that was never set.
    """
    if _ID.fullmatch(one) is None:
        raise UsageError(
            f"{one!r} is no id of {of}.",
            remedy="'shardblast list' lists searches, and 'shardblast share ID --list' links.",
        )
    return one


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        raise NetworkError(
            f"The service can't be reached: {error}.", remedy="Check --server or SHARDBLAST_SERVER, and that it runs."
        ) from error


def _check(response: httpx.Response) -> None:
    """Raise what the service answered."""
    if response.is_success:
        return
    response.read()
    try:
        told = response.json()
        problem, remedy, code = told["detail"], told["remedy"], told["code"]
    except (ValueError, KeyError):
        answer = f"The service answered {response.status_code}."
        raise NetworkError(answer, remedy="Check that --server is the address of a shardblast service.") from None
    more = [f"{one['field']}: {one['detail']} {one['remedy']}" for one in told.get("problems", [])]
    if code == UnauthorizedError.code:
        remedy = "Set SHARDBLAST_TOKEN to a token of this service (on its machine: shardblast token create)."
    if len(more) > 1:
        problem, remedy = "\n".join(more), "Mend all of these, then submit again."
    raise error_for_code(code)(problem, remedy=remedy)
