"""The OpenAPI document and the help of every command equal the recorded ones."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from shardblast.cli.app import app
from tests.frozen.recorded import assert_recorded

ROOT = Path(__file__).parent.parent.parent


def test_the_openapi_document_is_the_recorded_one() -> None:
    done = subprocess.run(["scripts/openapi"], capture_output=True, text=True, cwd=ROOT, check=True)

    assert_recorded("openapi.json", done.stdout)


def test_every_command_prints_the_recorded_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    command = typer.main.get_command(app)
    assert isinstance(command, TyperGroup)

    helps = dict(_helps("shardblast", command))

    assert_recorded("help.txt", "\n".join(f"$ {path} --help\n{text}\n" for path, text in helps.items()))


def _helps(path: str, command: typer.core.TyperCommand | TyperGroup) -> Iterator[tuple[str, str]]:
    yield path, command.get_help(command.make_context(path, [], resilient_parsing=True))
    for name, inner in command.commands.items() if isinstance(command, TyperGroup) else ():
        assert isinstance(inner, typer.core.TyperCommand | TyperGroup)
        yield from _helps(f"{path} {name}", inner)
