"""The HTTP client of the commands, and the submissions that they send."""

import json
import os
import re
import shlex
import shutil
import stat
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any, BinaryIO, Literal, cast
from urllib.parse import quote
from zipfile import ZipFile

import httpx
from httpx_sse import ServerSentEvent, connect_sse

from shardblast.core.errors import InputError, NetworkError, OutputError, UnauthorizedError, UsageError, reported
from shardblast.core.formats import OutputFormat, parse_outfmt
from shardblast.core.formatting import Printing
from shardblast.core.option_table import LISTS, Use, names
from shardblast.core.search import State
from shardblast.engine.out_file import deliver, open_output

STANDARD_INPUT = "-"

TIMEOUT_S = 60.0
QUIET_S = 45.0
"""Timeout of event streams, in which the service sends something at least every 15 s."""
PATIENCE_S = 60.0
"""How long a service may be unreachable after it was reached."""
RETRY_AFTER_S = 0.5
PAGE_SIZE = 500
INVALID = "invalid"
"""Code of requests that the service can't read; the details concern HTTP."""
_ID = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Submission:
    fields: Mapping[str, str]
    """Text fields of the service's form."""
    query: str
    """Path of a file, or ``-`` for standard input."""
    lists: Mapping[str, str]
    """Files of ids or taxids to upload, by BLAST+ option."""


def without_lists(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Split BLAST+'s words into others and files of lists by option. Raises InputError if a list lacks its one file."""
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
            raise InputError(f"-{name} needs one file.", remedy=f"Write -{name} FILE, once.")
        lists[name] = file
    return others, lists


def options_text(words: Sequence[str]) -> str:
    """Return options without lists as a command line. Raises InputError for local files, UsageError for two dashes."""
    for word in words:
        if word.startswith("--"):
            raise UsageError(f"Unknown option {word!r}.", remedy="BLAST+'s options have one dash.")
        name = word[1:].partition("=")[0]
        if word.startswith("-") and name in names(Use.FILE):
            problem = f"-{name} names a local file, which the service does not accept."
            raise InputError(problem, remedy="Leave it out, or search on this machine with 'shardblast PROGRAM'.")
    return shlex.join(words)


def all_words(words: Sequence[str], options: str) -> list[str]:
    """Return BLAST+'s options, with those of ``--options``. Raises UsageError if the quotes there do not match."""
    try:
        return [*words, *shlex.split(options)]
    except ValueError as error:
        raise UsageError(f"--options can't be read: {error}.", remedy="Check its quotes.") from error


def query_source(query: str | None) -> str:
    """Return the source of the queries, by default standard input. Raises UsageError if that is a terminal."""
    if query is None and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("There are no queries.", remedy="Name a file with -query, or send FASTA to standard input.")
    return STANDARD_INPUT if query is None else query


def check_printing(outfmt: str | None, out: str | None, *, wait: bool) -> bool:
    """Return whether the result will be printed; raise what would prevent that before the search begins.

    Raises UsageError without ``--wait``, InputError for an unknown format, OutputError if the folder does not exist.
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
    """Open queries to upload; pipes are copied to a file first, since the upload must know its length."""
    piped = query == STANDARD_INPUT
    with ExitStack() as stack:
        try:
            source: BinaryIO = stack.enter_context(open(0 if piped else query, "rb", closefd=not piped))
            if piped or not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
                copy = cast(BinaryIO, stack.enter_context(TemporaryFile()))
                shutil.copyfileobj(source, copy)
                copy.seek(0)
                source = copy
            yield source
        except OSError as error:
            name = "Standard input" if piped else repr(query)
            raise InputError(f"{name} can't be read: {error.strerror}.", remedy="Check -query.") from error


def open_list(name: str, file: str) -> BinaryIO:
    """Open a list of ids or taxids to upload."""
    try:
        return open(file, "rb")
    except OSError as error:
        raise InputError(f"{file!r} can't be read: {error.strerror}.", remedy=f"Check -{name}.") from error


class Client:
    """The HTTP interface of a service."""

    def __init__(self, server: str, token: str | None) -> None:
        if token and not (token.isascii() and token.isprintable()):
            raise UsageError("The API token has characters that no token has.", remedy="Check SHARDBLAST_TOKEN.")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with _translated():
            self._http = httpx.Client(base_url=f"{server.rstrip('/')}/api/v1", headers=headers, timeout=TIMEOUT_S)

    def submit(self, wanted: Submission, key: str | None) -> dict[str, Any]:
        """Queue a search and return it; the same key returns the existing search."""
        return self._submit("/searches", wanted, {"Idempotency-Key": key} if key else {})

    def preflight(self, wanted: Submission) -> dict[str, Any]:
        """Return the plan of a search, and its problems."""
        return self._submit("/searches/preflight", wanted, {})

    def _submit(self, path: str, wanted: Submission, headers: dict[str, str]) -> dict[str, Any]:
        with ExitStack() as stack:
            opened = {"query": stack.enter_context(open_query(wanted.query))}
            opened |= {name: stack.enter_context(open_list(name, file)) for name, file in wanted.lists.items()}
            files = {name: (name, file, "application/octet-stream") for name, file in opened.items()}
            return self._json("POST", path, data=wanted.fields, files=files, headers=headers)

    def search(self, search_id: str) -> dict[str, Any]:
        return self._json("GET", _path(search_id))

    def page(self, state: str | None, limit: int, cursor: str | None) -> dict[str, Any]:
        """Return a page of searches, newest first, and the cursor of the next page."""
        values = {"limit": limit, "state": state, "cursor": cursor}
        return self._json("GET", "/searches", params={name: value for name, value in values.items() if value})

    def searches(self, state: str | None, cursor: str | None) -> Iterator[dict[str, Any]]:
        """Yield all searches, newest first, starting at a cursor if one is given."""
        while True:
            page = self.page(state, PAGE_SIZE, cursor)
            yield from page["searches"]
            cursor = page["cursor"]
            if cursor is None:
                return

    def act(self, search_id: str, action: Literal["cancel", "retry", "share"]) -> dict[str, Any]:
        """Cancel, retry or share a search; return it, or the new link."""
        return self._json("POST", f"{_path(search_id)}/{action}")

    def delete(self, search_id: str) -> None:
        self._request("DELETE", _path(search_id))

    def report(self, search_id: str) -> dict[str, Any]:
        return self._json("GET", f"{_path(search_id)}/report")

    def shares(self, search_id: str) -> Sequence[dict[str, Any]]:
        return cast(list[dict[str, Any]], self._request("GET", f"{_path(search_id)}/shares").json())

    def revoke(self, search_id: str, share_id: str) -> None:
        self._request("DELETE", f"{_path(search_id)}/shares/{_checked(share_id, 'a link')}")

    def database(self, name: str) -> dict[str, Any]:
        return self._json("GET", f"/databases/{quote(name, safe='')}")

    def add_database(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Add a database; return it, or the task that adds it."""
        return self._json("POST", "/databases", json=wanted)

    def act_on_database(self, name: str, action: Literal["update", "warm"]) -> dict[str, Any]:
        """Update a database, or read it into memory; return the task, or the database if that is done."""
        return self._json("POST", f"/databases/{quote(name, safe='')}/{action}")

    def remove_database(self, name: str, *, force: bool) -> None:
        """Remove a database; ``force`` cancels the searches that use it."""
        self._request("DELETE", f"/databases/{quote(name, safe='')}", params={"force": force})

    def changes(self, search_id: str) -> Iterator[dict[str, Any]]:
        """Yield a search now and after every change, until its end. The service may restart meanwhile."""
        return self._changes(_path(search_id))

    def task_changes(self, task_id: str) -> Iterator[dict[str, Any]]:
        """Yield a task now and after every change, until its end."""
        return self._changes(f"/tasks/{_checked(task_id, 'a task')}")

    def _changes(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield the states of a search or a task until its end, reconnecting when the connection is lost."""
        last: str | None = None
        received = time.monotonic()
        with _translated():
            while True:
                try:
                    for event in self._events(path, last):
                        last, received = event.id or last, time.monotonic()
                        if event.event in ("snapshot", "search", "task"):
                            yield (state := json.loads(event.data))
                            if State(state["state"]).is_final:
                                return
                except httpx.TransportError:
                    if last is None or time.monotonic() - received > QUIET_S + PATIENCE_S:
                        raise
                    time.sleep(RETRY_AFTER_S)

    def _events(self, path: str, last: str | None) -> Iterator[ServerSentEvent]:
        """Yield the events of one connection, after the last one that was received."""
        headers = {} if last is None else {"Last-Event-ID": last}
        with connect_sse(self._http, "GET", f"{path}/events", headers=headers, timeout=QUIET_S) as source:
            _check(source.response)
            yield from source.iter_sse()

    def results(
        self, search_id: str, outfmt: str, printing: Printing, out: str | None, query: int | None = None
    ) -> None:
        """Write a result, or one query's part (0-based). Formats of many files leave them beside ``out``, or a zip."""
        values = {name: "true" if value is None else value for name, value in printing.given.items()}
        values |= {} if query is None else {"query": str(query)}
        wanted = parse_outfmt(outfmt)
        many = wanted.writes_files and out not in (None, "-")
        with (
            TemporaryFile() if many else open_output(out) as target,
            _translated(),
            self._http.stream("GET", f"{_path(search_id)}/results", params={"outfmt": outfmt, **values}) as response,
        ):
            _check(response)
            for block in response.iter_bytes():
                target.write(block)
            if many:
                _unpack(target, wanted, out or "")

    def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        return cast(dict[str, Any], self._request(method, path, **request).json())

    def _request(self, method: str, path: str, **request: Any) -> httpx.Response:
        with _translated():
            response = self._http.request(method, path, **request)
            _check(response)
            return response


def _path(search_id: str) -> str:
    return f"/searches/{_checked(search_id, 'a search')}"


def _checked(text: str, kind: str) -> str:
    """Return an id that is safe in a URL. Raises UsageError for other texts, such as that of an unset variable."""
    if _ID.fullmatch(text) is None:
        problem = f"{text!r} is not the id of {kind}."
        remedy = "'shardblast list' lists searches, and 'shardblast share ID --list' lists links."
        raise UsageError(problem, remedy=remedy)
    return text


def _unpack(archive: BinaryIO, outfmt: OutputFormat, out: str) -> None:
    """Write the files of an archive under the names that BLAST+ gives them beside ``out``, their list.

    In the list, BLAST+ removes ``.xml`` from the name of ``out`` in both formats, whatever the files are called.
    """
    name = Path(out).name
    base = name[:-4] if name.lower().endswith(".xml") else name
    with ZipFile(archive) as packed, TemporaryDirectory() as folder:
        listed, *files = sorted(packed.namelist(), key=len)
        for file in files:
            number = int(file.removeprefix(f"{listed}_").partition(".")[0])
            Path(folder, outfmt.file_of(name, number)).write_bytes(packed.read(file))
        text = packed.read(listed).replace(f'"{listed}_'.encode(), os.fsencode(f'"{base}_'))
        Path(folder, name).write_bytes(text)
        deliver(Path(folder), out)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (httpx.TransportError, httpx.InvalidURL) as error:
        problem = f"The service can't be reached: {str(error).rstrip('.')}."
        raise NetworkError(problem, remedy="Is the service running? Check --server or SHARDBLAST_SERVER.") from error


def _check(response: httpx.Response) -> None:
    """Raise the error of a response."""
    if response.is_success:
        return
    response.read()
    try:
        answer = response.json()
        problem, remedy, code = answer["detail"], answer["remedy"], answer["code"]
    except (ValueError, KeyError):
        problem = f"The service answered with status {response.status_code}."
        raise NetworkError(
            problem, remedy="Check that --server is a shardblast service, and the limits of a proxy."
        ) from None
    more = [f"{found['field']}: {found['detail']} {found['remedy']}" for found in answer.get("problems", [])]
    if code == UnauthorizedError.code:
        remedy = "Set SHARDBLAST_TOKEN to a token of this service (on its machine: shardblast token create)."
    if len(more) > 1:
        problem, remedy = "\n".join(more), "Fix all of these, then submit again."
    if code == INVALID:
        more = [f"{found['field']}: {found['detail']}" for found in answer["problems"]]
        problem, remedy = "\n".join(more), "Correct the command, then run it again."
    error = reported(code, problem, remedy)
    error.allowed_with = answer.get("allowed_with", "")
    raise error
