"""Pairs that scoring matrices score above 0, compared with the output of BLAST+."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from shardblast.blast.installation import find_installation
from shardblast.blast.probe import positive_pairs, searched_matrix
from shardblast.core.program import Program
from shardblast.core.result import midline
from tests.sequences import protein_queries, proteins, write_fasta

MATRICES = ("BLOSUM45", "BLOSUM50", "BLOSUM62", "BLOSUM80", "BLOSUM90", "PAM30", "PAM70", "PAM250")


def test_identity_scores_nothing_but_identities() -> None:
    assert positive_pairs(find_installation(), "IDENTITY") == frozenset()


def test_a_task_without_a_matrix_has_that_of_blast() -> None:
    assert searched_matrix(find_installation(), Program.BLASTP, ["-task", "blastp-short"]) == "PAM30"
    assert searched_matrix(find_installation(), Program.BLASTP, ["-task", "blastp-fast"]) == "BLOSUM62"


@pytest.mark.parametrize("matrix", [None, *MATRICES])
def test_midlines_are_those_of_blast(tmp_path: Path, matrix: str | None) -> None:
    write_fasta(tmp_path / "query", protein_queries())
    write_fasta(tmp_path / "subject", proteins()[:60])
    words = ["blastp", "-query", "query", "-subject", "subject", "-evalue", "1000"]
    words += ["-matrix", matrix] if matrix else []
    printed = subprocess.run([*words, "-outfmt", "5"], cwd=tmp_path, capture_output=True, check=True).stdout
    searched = searched_matrix(find_installation(), Program.BLASTP, ["-matrix", matrix] if matrix else [])
    positive = positive_pairs(find_installation(), searched)
    rows = re.findall(
        "<Hsp_qseq>(.*)</Hsp_qseq>\n.*<Hsp_hseq>(.*)</Hsp_hseq>\n.*<Hsp_midline>(.*)</Hsp_midline>", printed.decode()
    )

    assert len(rows) > 20
    assert any("+" in between for _, _, between in rows)
    assert [midline(query, subject, positive) for query, subject, _ in rows] == [between for _, _, between in rows]
