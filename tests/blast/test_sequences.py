"""Ids of subjects as archives spell them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from shardblast.blast.sequences import id_of, subject_names
from tests.databases import make_database
from tests.sequences import Sequence, real

IDS = ("ref|NP_000001.1|", "pdb|1ABC|A", "gnl|mine|x1", "lcl|777", "sp|P12345.1|NAME_HUMAN", "bare", "pir||A12345")
IDS += ("gi|123|gb|AAA12345.1|", "prf||1234567A", "emb|CAA12345.2|", "dbj|BAA12345.1|", "tr|Q9ABC1|X")
IDS += ("lcl|" + 'z"' * 24, "gnl|mine|y" + '"' * 40, "gb|it's\"odd.1|", 'pir||B"12')


@pytest.mark.parametrize("version", ["4", "5"])
def test_every_kind_of_id_is_found_again(tmp_path: Path, version: str) -> None:
    sequences = [Sequence(name, one.letters) for name, one in zip(IDS, real("proteins"), strict=False)]
    database = make_database(tmp_path / "db", "prot", sequences, "-parse_seqids", "-blastdb_version", version)
    query, archive, names = tmp_path / "query.fa", tmp_path / "hits.asn", tmp_path / "names"
    query.write_text("".join(f">{number}\n{one.letters}\n" for number, one in enumerate(sequences)))
    search = ["blastp", "-db", database, "-query", query, "-outfmt", "11", "-out", archive]
    subprocess.run([*map(str, search), "-evalue", "1e-50", "-max_target_seqs", "1"], check=True, capture_output=True)

    found = list(subject_names(archive))

    assert len(found) == len(IDS)
    names.write_bytes(b"\n".join(name for name in found if isinstance(name, bytes)) + b"\n")
    look_up = ["blastdbcmd", "-db", str(database), "-entry_batch", str(names), "-outfmt", "%o"]
    oids = subprocess.run(look_up, check=True, capture_output=True).stdout.split()
    assert sorted(map(int, oids)) == list(range(len(IDS)))


def test_a_sequence_without_an_id_is_known_by_its_oid(tmp_path: Path) -> None:
    sequences = real("proteins")[:3]
    database = make_database(tmp_path / "db", "prot", sequences)
    archive = tmp_path / "hits.asn"
    search = ["blastp", "-db", str(database), "-outfmt", "11", "-out", str(archive), "-evalue", "1e-50"]
    subprocess.run(search, check=True, capture_output=True, input=sequences[1].fasta.encode())

    assert list(subject_names(archive)) == [1]


def test_an_id_of_unknown_kind_is_none() -> None:
    assert id_of(b'patent {\n  seqid 1,\n  cit {\n    country "US"\n  }\n}') is None
