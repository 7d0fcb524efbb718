"""The members of ``import shardblast``, and the cost of importing it."""

from __future__ import annotations

import subprocess
import sys

import shardblast


def test_all_is_sorted_and_importable() -> None:
    assert shardblast.__all__ == sorted(shardblast.__all__)
    for name in shardblast.__all__:
        assert getattr(shardblast, name) is not None


def test_all_is_every_public_name_but_the_submodules() -> None:
    code = "import shardblast; print(*[name for name in dir(shardblast) if not name.startswith('_')])"
    names = set(printed_by(code).split()) - {"annotations", "TYPE_CHECKING"}

    assert names == set(shardblast.__all__) - {"__version__"}


def test_a_star_import_imports_all_members() -> None:
    assert (
        printed_by("from shardblast import *; print(search.__name__, QueryResult.__name__)") == "search QueryResult\n"
    )


def test_importing_the_package_imports_none_of_its_modules() -> None:
    code = "import sys, shardblast; print(*[name for name in sys.modules if name.startswith('shardblast.')])"

    assert printed_by(code) == "\n"


def test_importing_search_imports_neither_rich_nor_typer_nor_numpy() -> None:
    code = "import sys; from shardblast import search; print({'rich', 'typer', 'numpy'} & set(sys.modules))"

    assert printed_by(code) == "set()\n"


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert printed_by("import shardblast; print(hasattr(shardblast, 'serach'))") == "False\n"


def printed_by(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
