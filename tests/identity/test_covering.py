"""Covering arrays contain every possible combination, in few cases."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import combinations

import pytest

from tests.databases import KINDS
from tests.identity.covering import Case, covering_array, pairs, required
from tests.identity.matrix import FACTORS, OPTIONS, array, fits, names_of, searches

LETTERS = {name: tuple(f"{name}{number}" for number in range(4)) for name in "abcde"}


def anything(case: Case) -> bool:
    return True


def test_every_pair_is_in_a_case() -> None:
    array = covering_array(LETTERS, required(LETTERS, pairs(LETTERS)), anything, {})

    for one, other in combinations(LETTERS, 2):
        met = {(dict(case)[one], dict(case)[other]) for case in array}
        assert len(met) == 16
    assert len(array) < 32, "all combinations are 1,024, and 16 the least possible"


def test_every_three_values_are_in_a_case_if_triples_are_requested() -> None:
    array = covering_array(LETTERS, required(LETTERS, [("a", "c", "e")]), anything, {})

    assert len({tuple(dict(case)[name] for name in "ace") for case in array}) == len(array) == 64


def test_each_case_has_a_value_of_each_factor_and_fits() -> None:
    def without_a_pair(case: Case) -> bool:
        return not {("a", "a0"), ("b", "b0")} <= case

    array = covering_array(LETTERS, required(LETTERS, pairs(LETTERS)), without_a_pair, {})

    assert all(sorted(name for name, _ in case) == list(LETTERS) for case in array)
    assert all(map(without_a_pair, array))
    assert {("a0", "b1"), ("a1", "b0")} <= {(dict(case)["a"], dict(case)["b"]) for case in array}


def test_a_factor_gives_several_values_to_a_case() -> None:
    factors = {"a": LETTERS["a"], "b": tuple("vwxyz")}

    array = covering_array(factors, required(factors, [("a", "b")]), anything, {"b": 5})

    assert len(array) == 4
    assert all(len(case) == 6 for case in array)


def test_cases_are_the_same_in_every_process() -> None:
    script = "from tests.identity.matrix import searches; print(*searches(), sep='\\n')"
    argv = [sys.executable, "-c", script]
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "PYTHONHASHSEED": "7"}

    printed = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True).stdout

    assert printed.splitlines() == [str(one) for one in searches()]


@pytest.mark.parametrize(("one", "other"), pairs(FACTORS))
def test_every_two_of_the_matrix_meet(one: str, other: str) -> None:
    possible = {
        frozenset({(one, first), (other, second)})
        for first in FACTORS[one]
        for second in FACTORS[other]
        if any(fits(frozenset({(one, first), (other, second), ("program", program)})) for program in FACTORS["program"])
    }

    met = {frozenset(two) for case in array() for two in combinations(case, 2)}
    if {one, other} == {"options", "format"}:
        possible, met = ({without_value(two) for two in some} for some in (possible, met))
    assert possible <= met
    assert len(array()) <= 180


def without_value(two: Case) -> Case:
    """Return two choices with the name of an option instead of its text."""
    return frozenset((name, names_of(value)[0] if name == "options" else value) for name, value in two)


def test_every_kind_of_database_is_searched() -> None:
    assert {one.kind for one in searches()} == set(KINDS)


@pytest.mark.parametrize(("program", "outfmt"), [("blastn", "17"), ("blastx", "0")])
def test_of_one_program_and_format_every_two_values_meet(program: str, outfmt: str) -> None:
    met = {frozenset(two) for case in array(program, outfmt) for two in combinations(case, 2)}
    given = {("program", program), ("format", outfmt)}

    for option, programs in OPTIONS.items():
        assert program not in programs or {frozenset({("options", option), one}) for one in given} <= met


def test_every_option_is_searched_with_every_program_that_takes_it() -> None:
    met = {(option, one.program) for one in searches() for option in one.options}

    assert met == {(option, program) for option, programs in OPTIONS.items() for program in programs}
