"""Pairs that scoring matrices score above 0, compared with the output of BLAST+."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from shardblast.blast.installation import find_installation
from shardblast.blast.probe import matrix_name, positive_pairs
from shardblast.core.result import midline
from tests.sequences import protein_queries, proteins, write_fasta

MATRICES = ("BLOSUM45", "BLOSUM50", "BLOSUM62", "BLOSUM80", "BLOSUM90", "PAM30", "PAM70", "PAM250")


def test_identity_scores_nothing_but_identities() -> None:
    assert positive_pairs(find_installation(), "IDENTITY") == frozenset()


@pytest.mark.parametrize("matrix", [None, *MATRICES])
def test_midlines_are_those_of_blast(tmp_path: Path, matrix: str | None) -> None:
    write_fasta(tmp_path / "query", protein_queries())
    write_fasta(tmp_path / "subject", proteins()[:60])
    words = ["blastp", "-query", "query", "-subject", "subject", "-evalue", "1000"]
    words += ["-matrix", matrix] if matrix else []
    printed, archive = (
        subprocess.run([*words, "-outfmt", outfmt], cwd=tmp_path, capture_output=True, check=True).stdout
        for outfmt in ("5", "11")
    )
    (tmp_path / "archive").write_bytes(archive)
    positive = positive_pairs(find_installation(), matrix_name(tmp_path / "archive") or "BLOSUM62")
    rows = re.findall(
        "<Hsp_qseq>(.*)</Hsp_qseq>\n.*<Hsp_hseq>(.*)</Hsp_hseq>\n.*<Hsp_midline>(.*)</Hsp_midline>", printed.decode()
    )

    assert len(rows) > 20
    assert any("+" in between for _, _, between in rows)
    assert [midline(query, subject, positive) for query, subject, _ in rows] == [between for _, _, between in rows]
