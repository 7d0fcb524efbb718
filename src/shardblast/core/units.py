"""Numbers as people write them: amounts of bytes, and selections such as ``0-4,7``."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shardblast.core.errors import InputError

PATTERN = r"^[0-9]{1,10}(-[0-9]{1,10})?(,[0-9]{1,10}(-[0-9]{1,10})?)*$"

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


@dataclass(frozen=True, slots=True)
class Numbers:
    """Whole numbers from 0 on, held as ranges: what is asked for may be larger than what there is."""

    ranges: tuple[tuple[int, int], ...]
    """Ascending and apart; first and last of each."""

    @classmethod
    def of(cls, text: str) -> Numbers:
        """Return what a text of PATTERN names.

        Raises:
            InputError: A range ends before it begins.
        """
        ranges = []
        for part in text.split(","):
            first, _, last = part.partition("-")
            ranges.append((int(first), int(last or first)))
        if any(last < first for first, last in ranges):
            raise InputError("A range of numbers ends before it begins.", remedy="Write them as 0-4,7.")
        return cls._joined(ranges)

    @classmethod
    def these(cls, numbers: Iterable[int]) -> Numbers:
        """Return these numbers."""
        return cls._joined((number, number) for number in numbers)

    @classmethod
    def _joined(cls, ranges: Iterable[tuple[int, int]]) -> Numbers:
        found: list[tuple[int, int]] = []
        for first, last in sorted(ranges):
            if found and first <= found[-1][1] + 1:
                found[-1] = (found[-1][0], max(found[-1][1], last))
            else:
                found.append((first, last))
        return cls(tuple(found))

    @property
    def last(self) -> int:
        """The largest; -1 if there are none."""
        return self.ranges[-1][1] if self.ranges else -1

    @property
    def only(self) -> int | None:
        """The number, if there is one alone."""
        (first, last), *others = self.ranges or ((0, -1),)
        return first if first == last and not others else None

    def below(self, end: int) -> Iterator[int]:
        """Yield those that are less than a number, ascending."""
        for first, last in self.ranges:
            yield from range(first, min(last + 1, end))

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self.ranges, number, key=lambda one: one[0]) - 1
        return place >= 0 and number <= self.ranges[place][1]


def size(size_bytes: int) -> str:
    """Return an amount of bytes as people read it: in the largest unit of which there is at least one."""
    amount, unit = float(size_bytes), 0
    while amount >= 1024 and unit < len(UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:,.1f} {UNITS[unit]}" if unit else f"{size_bytes} bytes"
