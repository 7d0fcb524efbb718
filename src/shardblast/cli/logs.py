"""The log of shardblast and its libraries on standard error, as text or as JSON lines."""

import json
import logging
import re
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from shardblast.cli.options import LogFormat

ORDINARY = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
"""Attributes of every log record; all others are fields of the message."""
SECRETS = re.compile(
    r"(?P<address>://[^\s/:@]*:)[^\s\"]+(?=@)"
    r"|(?P<header>\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}"
    r"|(?P<named>\b(?:x-amz-(?:signature|credential|security-token)|sig|token|password|secret)=)[^\s&\"']+"
    r"|\bsb_[\w-]{20,}",
    re.IGNORECASE,
)
"""Passwords, tokens and signatures, which libraries' errors may contain."""


def configure(form: LogFormat | None, request_id: Callable[[], str] = lambda: "") -> LogFormat:
    """Send all logs, also of libraries, to standard error; return their format, by default text on a terminal.

    ``request_id`` returns the id of the request that is answered, if any, which each record gets.
    """

    def note_request(record: logging.LogRecord) -> bool:
        if not hasattr(record, "request_id") and (number := request_id()):
            record.request_id = number
        return True

    form = form or (LogFormat.TEXT if sys.stderr.isatty() else LogFormat.JSON)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form is LogFormat.JSON else TextFormatter())
    handler.addFilter(note_request)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    logging.getLogger("dbos").addHandler(logging.NullHandler())  # DBOS adds its own handler if there is none
    for name in ("alembic", "httpx", "uvicorn", "obstore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    threading.excepthook = _note_thread
    return form


class JsonFormatter(logging.Formatter):
    """Formats each record as a line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        document: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields(record),
        }
        if record.exc_info:
            document["traceback"] = self.formatException(record.exc_info)
        return without_secrets(json.dumps(document, default=str))


class TextFormatter(logging.Formatter):
    """Formats each record as a line of text, with its traceback below."""

    def format(self, record: logging.LogRecord) -> str:
        more = "".join(f" {name}={value}" for name, value in fields(record).items())
        text = f"{_time(record)} {record.levelname} {record.name}: {record.getMessage()}{more}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return without_secrets(text)


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return the ``extra`` fields of a record of shardblast; those of libraries are dropped."""
    ours = record.name.partition(".")[0] == "shardblast"
    return {name: value for name, value in vars(record).items() if name not in ORDINARY} if ours else {}


def without_secrets(text: str) -> str:
    """Return a text with ``…`` in place of passwords, tokens and signatures."""
    return SECRETS.sub(lambda found: f"{next(filter(None, found.groups()), '')}…", text)


def _note_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is SystemExit or args.exc_value is None:
        return
    exc_info = (args.exc_type, args.exc_value, args.exc_traceback)
    logging.getLogger("shardblast").error("a thread ended with an error", exc_info=exc_info)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
