"""``scripts/measure`` finds the items that it should count."""

from __future__ import annotations

import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.databases import Databases
from tests.sequences import proteins, write_fasta

ROOT = Path(__file__).parent.parent
FOLLOWED = """
import sys, threading
from shardblast.cli.blast import search
from shardblast.core.options import SearchOptions
from shardblast.core.program import Program

crossed = {}

def follow(frame, event, _):
    module, code = frame.f_globals.get("__name__", ""), frame.f_code
    if event == "call" and module.startswith("shardblast."):
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if any(isinstance(frame.f_locals.get(name), SearchOptions) for name in names if name != "self"):
            crossed[module] = None

threading.setprofile(follow)
sys.setprofile(follow)
status = search(Program.BLASTP, sys.argv[1:])
sys.setprofile(None)
print(*crossed, status, sep="\\n", file=sys.stderr)
"""
"""Runs blastp, and prints the modules with a function that took the options, in order, then the exit status."""
MEASURE = runpy.run_path(str(ROOT / "scripts" / "measure"))
TREE = {
    "src/shardblast/__init__.py": "",
    "src/shardblast/low.py": "class Same:\n    pass\n",
    "src/shardblast/plain.py": "from shardblast.low import Same\n\n\nclass Own(Same):\n    class Same: ...\n",
    "src/shardblast/hidden.py": "def found():\n    from shardblast import shown\n\n    return shown\n",
    "src/shardblast/shown.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import shardblast.hidden\n",
    "src/shardblast/calls.py": """\
import os

class Same:
    def wide(self, a, b, c, d, /, e, f, g, *rest, h, i): ...
    def fits(self, a, b, c, d, e, f, g, h): ...

def splats(given):
    pair, listed = (1, 2), [1, 2]
    made = 1, 2
    print(*made)
    print(*listed, *given, *(1, 2))
    print(made, os.environ["SHARDBLAST_OTHER"], "SHARDBLAST_")
""",
    "src/shardblast/service/settings.py": """\
class Row:
    name: str

class Settings:
    home: str
    queries: int = 1
    '''SHARDBLAST_QUERIES'''
""",
    "page/src/texts.ts": "",
    "page/src/api/schema.d.ts": "a\nb\nc\n",
    "page/src/api/client.ts": 'import { one } from "../results/one";\nimport type { Schema } from "./schema";\n',
    "page/src/results/one.ts": 'import {\n  two,\n} from "./two";\nimport "../api/client";\n',
    "page/src/results/two.tsx": 'const later = () => import("./three");\n',
    "page/src/results/three.ts": 'export * from "./two";\nimport { text } from "../texts";\n',
    "page/src/nodes/Nodes.tsx": 'import { one } from "../results/one";\n',
}
FOUND = {
    "modules": {name: 1 for name in TREE if name.startswith("src")},
    "wide_functions": {"shardblast.calls:4 wide": 1},
    "duplicate_classes": {"Same": 1},
    "settings": {"home": 1, "queries": 1},
    "variables": {"SHARDBLAST_OTHER": 1},
    "circles": {
        "shardblast.hidden -> shardblast.shown": 1,
        "shardblast.shown -> shardblast.hidden": 1,
    },
    "splats": {"shardblast.calls:10 print(*made)": 1},
    "script_lines": {
        "texts": 0,
        "api/client": 2,
        "results/one": 4,
        "results/two": 1,
        "results/three": 2,
        "nodes/Nodes": 1,
    },
    "script_circles": {
        "api/client -> results/one": 1,
        "results/one -> api/client": 1,
        "results/two -> results/three": 1,
        "results/three -> results/two": 1,
    },
    "script_upward": {"api/client -> results/one": 1},
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    for name, text in TREE.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize("measure", FOUND)
def test_a_measure_finds_exactly_the_items_that_count(measure: str, tree: Path) -> None:
    found = MEASURE[measure](MEASURE["Code"](tree))

    expected = FOUND[measure]
    if measure == "modules":
        assert len(found) == len(expected)
    else:
        assert found == expected


def test_the_longest_module_and_function_are_measured(tree: Path) -> None:
    code = MEASURE["Code"](tree)

    assert MEASURE["module_lines"](code)["shardblast.calls"] == 12
    assert MEASURE["function_lines"](code)["shardblast.calls:7 splats"] == 6


def test_the_table_shows_measured_limit_and_target_and_the_status_says_whether_a_limit_is_passed() -> None:
    done = subprocess.run(["scripts/measure"], capture_output=True, text=True, cwd=ROOT)

    rows = {line[:42].strip(): line[42:] for line in done.stdout.splitlines()}
    for one in MEASURE["MEASURES"]:
        value, limit, target = (int(word.replace(",", "")) for word in rows[one.name].split()[:3])
        assert (limit, target) == (one.limit, one.target)
        assert ("above the limit" in rows[one.name]) == (value > limit)
    assert done.returncode == int("above the limit" in done.stdout)


def test_items_above_a_limit_are_listed_and_the_status_is_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    places = MEASURE["main"].__globals__
    longest = next(one for one in MEASURE["MEASURES"] if one.found is MEASURE["function_lines"])
    most = max(longest.found(MEASURE["Code"](ROOT)).values())
    monkeypatch.setitem(places, "MEASURES", (replace(longest, limit=most - 1), replace(longest, limit=most)))

    status = places["main"]([])

    passed, *functions, kept = capsys.readouterr().out.splitlines()[1:]
    assert status == 1
    assert passed.endswith("above the limit")
    assert functions
    assert all(one.startswith("    shardblast.") and one.endswith(f" {most}") for one in functions)
    assert "above" not in kept


def test_the_reference_names_each_environment_variable() -> None:
    variables = MEASURE["variables"](MEASURE["Code"](ROOT))
    reference = (ROOT / "docs" / "reference.md").read_text()

    assert "SHARDBLAST_TOKEN" in variables
    assert [variable for variable in variables if f"`{variable}`" not in reference] == []


def test_the_options_of_a_search_cross_at_most_12_modules(databases: Databases, tmp_path: Path) -> None:
    query = write_fasta(tmp_path / "query.fa", proteins()[:3])
    search = ["-db", databases("v5-volumes", "prot"), "-query", str(query), "-outfmt", "0", "--shards", "4", "--quiet"]

    done = subprocess.run([sys.executable, "-c", FOLLOWED, *search], capture_output=True, text=True, check=True)

    *crossed, status = done.stderr.splitlines()
    assert status == "0"
    assert crossed[0] == "shardblast.core.options"
    assert "shardblast.blast.formatter" in crossed, "the last module that a search's options reach"
    assert len(crossed) <= 12, crossed
