"""What people write and read: numbers with nouns, amounts of bytes, selections such as ``0-4,7``, and addresses."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from shardblast.core.errors import InputError, UsageError

PATTERN = r"^[0-9]{1,10}(-[0-9]{1,10})?(,[0-9]{1,10}(-[0-9]{1,10})?)*$"

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


@dataclass(frozen=True, slots=True)
class Numbers:
    """A selection of 0-based numbers, stored as ranges, because it may name far more numbers than exist."""

    ranges: tuple[tuple[int, int], ...]
    """First and last number of each range, both inclusive; ascending and not adjacent."""

    @classmethod
    def of(cls, text: str) -> Numbers:
        """Return the numbers in a text that matches PATTERN; raise InputError if a range ends before it begins."""
        ranges = []
        for part in text.split(","):
            first, _, last = part.partition("-")
            ranges.append((int(first), int(last or first)))
        if any(last < first for first, last in ranges):
            raise InputError("A range of numbers ends before it begins.", remedy="Write them as 0-4,7.")
        return cls._joined(ranges)

    @classmethod
    def these(cls, numbers: Iterable[int]) -> Numbers:
        return cls._joined((number, number) for number in numbers)

    @classmethod
    def _joined(cls, ranges: Iterable[tuple[int, int]]) -> Numbers:
        joined: list[tuple[int, int]] = []
        for first, last in sorted(ranges):
            if joined and first <= joined[-1][1] + 1:
                joined[-1] = (joined[-1][0], max(joined[-1][1], last))
            else:
                joined.append((first, last))
        return cls(tuple(joined))

    @property
    def last(self) -> int:
        """The largest number; -1 if there are no numbers."""
        return self.ranges[-1][1] if self.ranges else -1

    @property
    def only(self) -> int | None:
        """The number, if there is exactly one; otherwise None."""
        (first, last), *others = self.ranges or ((0, -1),)
        return first if first == last and not others else None

    def below(self, end: int) -> Iterator[int]:
        """Yield the numbers below ``end`` in ascending order."""
        for first, last in self.ranges:
            yield from range(first, min(last + 1, end))

    def __contains__(self, number: int) -> bool:
        index = bisect_right(self.ranges, number, key=lambda bounds: bounds[0]) - 1
        return index >= 0 and number <= self.ranges[index][1]


def check_plain(text: str, what: str) -> None:
    """Raise UsageError, which does not quote the text, if it contains control characters."""
    if _CONTROL.search(text):
        raise UsageError(f"The {what} contains control characters.", remedy="Remove them.")


def split_address(address: str, what: str) -> SplitResult:
    """Return the parts of a URL. Raises UsageError, which does not quote it, if it or its port can't be parsed."""
    check_plain(address, what)
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - it is parsed now
    except ValueError as error:
        raise UsageError(f"The {what} is not a valid URL.", remedy="Check its host, brackets and port.") from error
    return parts


def counted(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun, whose plural by default ends in s: ``1 hit``, ``2,000 hits``."""
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"


def size(size_bytes: int) -> str:
    """Return an amount of bytes for people, in the largest unit of which it is at least 1."""
    amount, unit = float(size_bytes), 0
    while amount >= 1024 and unit < len(UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:,.1f} {UNITS[unit]}" if unit else counted(size_bytes, "byte")
