"""Amounts of bytes as text."""

import pytest

from shardblast.core.units import size


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (0, "0 bytes"),
        (1023, "1,023 bytes"),
        (1024, "1.0 KiB"),
        (195_320, "190.7 KiB"),
        (269 * 2**30, "269.0 GiB"),
        (2**60, "1,024.0 PiB"),
    ],
)
def test_an_amount_is_shown_in_the_largest_unit_of_which_it_is_at_least_one(size_bytes: int, words: str) -> None:
    assert size(size_bytes) == words
