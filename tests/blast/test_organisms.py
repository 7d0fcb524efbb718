"""Organisms of hits as a tree."""

from __future__ import annotations

from shardblast.blast.taxonomy import Found, tree_of
from tests.taxonomy import PARENTS

FOUND = [
    Found([511145], 5, 90.0, 1e-9),
    Found([83333], 2, 100.0, 1e-12),
    Found([9606, 10090], 1, 50.0, 1e-3),
    Found([9606], 3, 40.0, 1.0),
]


def answer(parents: dict[int, int]) -> list[tuple[int, int | None, tuple[int, ...], int, int, int]]:
    return [(one.taxid, one.parent, one.via, one.level, one.hits, one.own_hits) for one in tree_of(FOUND, parents)]


def test_organisms_are_below_their_common_ancestor() -> None:
    assert answer(PARENTS) == [
        (562, None, (2,), 0, 7, 0),
        (511145, 562, (), 1, 5, 5),
        (83333, 562, (), 1, 2, 2),
        (2759, None, (), 0, 4, 0),
        (9606, 2759, (), 1, 4, 4),
        (10090, 2759, (), 1, 1, 1),
    ]


def test_unknown_organisms_are_a_list() -> None:
    assert answer({}) == [
        (511145, None, (), 0, 5, 5),
        (9606, None, (), 0, 4, 4),
        (83333, None, (), 0, 2, 2),
        (10090, None, (), 0, 1, 1),
    ]


def test_a_taxid_without_a_known_parent_is_a_root() -> None:
    parents = {taxid: parent for taxid, parent in PARENTS.items() if taxid != 83333}

    assert [one[:2] for one in answer(parents)] == [
        (511145, None),
        (2759, None),
        (9606, 2759),
        (10090, 2759),
        (83333, None),
    ]


def test_a_taxon_has_the_best_values_of_all_below_it() -> None:
    coli = tree_of(FOUND, PARENTS)[0]

    assert (coli.bit_score, coli.evalue) == (100.0, 1e-12)


def test_parents_in_a_circle_end() -> None:
    assert {one.taxid for one in tree_of(FOUND, {9606: 10090, 10090: 9606})} >= {511145, 83333}
