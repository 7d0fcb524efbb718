"""Covering arrays: few cases in which every combination of values occurs that must be tested together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product

Choice = tuple[str, str]
"""A factor and one of its values."""
Case = frozenset[Choice]
"""One value of each factor, or several where a factor takes several."""


def required(factors: Mapping[str, Sequence[str]], groups: Iterable[Sequence[str]]) -> Iterator[Case]:
    """Yield every combination of values of each group of factors."""
    for group in groups:
        for values in product(*(factors[name] for name in group)):
            yield frozenset(zip(group, values, strict=True))


def pairs(factors: Iterable[str]) -> list[tuple[str, str]]:
    """Return every group of two factors."""
    return list(combinations(factors, 2))


def covering_array(
    factors: Mapping[str, Sequence[str]],
    wanted: Iterable[Case],
    fits: Callable[[Case], bool],
    several: Mapping[str, int],
) -> list[Case]:
    """Return cases in which every wanted combination that is possible occurs at least once.

    The cases are built greedily: each begins with the first combination that is missing and takes, factor by factor,
    the value that completes most of the missing ones.

    Args:
        factors: The values of each factor.
        wanted: The values that must meet, such as those of ``required``.
        fits: Whether values can be together in a case; a part of a case that fits must fit too.
        several: The factors of which a case takes so many values, instead of one.
    """
    missing = _Missing(one for one in wanted if _completed(one, factors, fits))
    cases = []
    while missing.by_choice:
        case = _extended(missing.first(), factors, missing, fits, several)
        cases.append(case)
        missing.remove(case)
    return cases


class _Missing:
    """The combinations that are in no case yet, in order, by each of their choices."""

    def __init__(self, combinations: Iterable[Case]) -> None:
        self.by_choice: dict[Choice, dict[Case, None]] = {}
        for one in combinations:
            for choice in sorted(one):
                self.by_choice.setdefault(choice, {})[one] = None

    def first(self) -> Case:
        return next(iter(next(iter(self.by_choice.values()))))

    def gain(self, case: Case, choice: Choice) -> tuple[int, int]:
        """Return how many combinations a choice completes, and how many there are of it."""
        found = self.by_choice.get(choice, {})
        wider = case | {choice}
        return sum(one <= wider for one in found), len(found)

    def remove(self, case: Case) -> None:
        for choice in sorted(case):
            left = {one: None for one in self.by_choice.pop(choice, {}) if not one <= case}
            if left:
                self.by_choice[choice] = left


def _extended(
    case: Case,
    factors: Mapping[str, Sequence[str]],
    missing: _Missing,
    fits: Callable[[Case], bool],
    several: Mapping[str, int],
) -> Case:
    for name, values in factors.items():
        while sum(factor == name for factor, _ in case) < several.get(name, 1):
            gains = {(name, value): missing.gain(case, (name, value)) for value in values if (name, value) not in case}
            ranked = sorted(gains, key=gains.__getitem__, reverse=True)
            best = next((choice for choice in ranked if _completed(case | {choice}, factors, fits)), None)
            if best is None or (name in several and not any(gains[best])):
                break
            case |= {best}
    return case


def _completed(case: Case, factors: Mapping[str, Sequence[str]], fits: Callable[[Case], bool]) -> Case | None:
    """Return a case with a value of each factor that contains these values, or None if there is none."""
    if not fits(case):
        return None
    absent = next((name for name in factors if all(factor != name for factor, _ in case)), None)
    if absent is None:
        return case
    found = (_completed(case | {(absent, value)}, factors, fits) for value in factors[absent])
    return next((one for one in found if one is not None), None)
