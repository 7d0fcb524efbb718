"""Compares results of tests with those recorded in ``recorded/``; ``scripts/freeze`` records them again."""

from __future__ import annotations

import difflib
import json
import os
import re
import shlex
import subprocess
from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "recorded"
RECORDS = "SHARDBLAST_FREEZE" in os.environ

VOLATILE = {
    "blast_version",
    "created",
    "date",
    "done",
    "elapsed_s",
    "finished",
    "free_bytes",
    "generation",
    "here",
    "node",
    "peak_memory_bytes",
    "resident_bytes",
    "seconds",
    "shardblast_version",
    "source_version",
    "started",
    "time",
    "total",
}
"""Keys in JSON whose values change from run to run, or with the versions of BLAST+ and shardblast."""
MASKS = (
    (re.compile(r"\b2\.\d+\.\d+\+?(?![\d.])"), "VERSION"),
    (re.compile(r"^USAGE\n.*?^=+\n", re.MULTILINE | re.DOTALL), "USAGE\n"),
    (re.compile(r',\s+\{\s+name "DustFiltering\w+",\s+value integer \d+\s+\}'), ""),
    (re.compile(r"\d+ % warm|(?<=resident_bytes  )[\d,]+"), "WARM"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "ID"),
    (re.compile(r"\b[A-Z][a-z]{2} \d{1,2}, \d{4} +\d{1,2}:\d\d [AP]M"), "DATE"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+\d\d:\d\d)?"), "TIME"),
)
"""Placeholders for ids of searches, times, and text that depends on the version of BLAST+."""


def assert_recorded(name: str, text: str) -> None:
    """Compare with a recorded file; write the file instead when ``scripts/freeze`` runs."""
    path = FOLDER / name
    if RECORDS:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return
    recorded = path.read_bytes().decode() if path.exists() else ""
    lines = difflib.unified_diff(recorded.split("\n"), text.split("\n"), f"recorded/{name}", "now", lineterm="", n=1)
    difference = "\n".join(repr(line)[1:300] for line in islice(lines, 60))
    assert not difference, f"{difference}\nscripts/freeze records it again, if it is meant to change."


def masked(text: str, *folders: Path) -> str:
    """Return text without versions, ids, times and these folders."""
    for folder in folders:
        text = text.replace(str(folder), "FOLDER")
    for pattern, mask in MASKS:
        text = pattern.sub(mask, text)
    return text


def masked_json(value: Any, keys: Collection[str] = VOLATILE) -> Any:
    """Return JSON with the values of volatile keys replaced by their types."""
    if isinstance(value, Mapping):
        return {key: type(one).__name__ if key in keys else masked_json(one, keys) for key, one in value.items()}
    if isinstance(value, list):
        return [masked_json(one, keys) for one in value]
    return masked(value) if isinstance(value, str) else value


def shape(value: Any) -> Any:
    """Return JSON with types in place of values, and of lists the first element."""
    if isinstance(value, Mapping):
        return {key: shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value[:1]]
    return type(value).__name__


def pretty(value: Any) -> str:
    """Return JSON as lines."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def transcript(words: Iterable[str], done: subprocess.CompletedProcess[bytes], files: Mapping[str, str]) -> str:
    """Return a command and all that it left, as text."""
    parts = [f"$ shardblast {shlex.join(words)}\nstatus {done.returncode}\n"]
    streams = {"stdout": done.stdout.decode(errors="replace"), "stderr": done.stderr.decode(errors="replace"), **files}
    parts += [f"--- {name}\n{text}" + ("" if text.endswith("\n") else "\n") for name, text in streams.items() if text]
    return "".join(parts)
