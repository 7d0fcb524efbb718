"""Commands leave the recorded output, exit status, standard error, files and report."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests import forked
from tests.databases import Databases
from tests.forked import SHARDBLAST
from tests.frozen.recorded import assert_recorded, masked, masked_json, pretty, transcript
from tests.sequences import Sequence, nucleotide_queries, protein_queries, proteins, real, write_fasta

QUIET = "--quiet --report report.json"
SHARDED = f"--shards 3 {QUIET}"
FEW = "-max_target_seqs 3"
BAD = "-db prot:v5 -query prot.fa"
GENES, PROTEINS = "-query nucl.fa -db", "-query prot.fa -db"
COLUMNS = "'6 delim=; qseqid saccver sallseqid qcovs btop stitle'"

CASES = {
    # Every format, on programs and kinds of databases in turn.
    "format-0-blastp": f"blastp {PROTEINS} prot:v5 {SHARDED}",
    "format-0-html-tblastn": f"tblastn {PROTEINS} nucl:v4-volumes-ids -html {SHARDED}",
    "format-1-blastn": f"blastn {GENES} nucl:v5-volumes -outfmt 1 -num_alignments 2 {SHARDED}",
    "format-2-blastx": f"blastx {GENES} prot:several -outfmt 2 -num_descriptions 2 -num_alignments 1 {SHARDED}",
    "format-3-blastp": f"blastp {PROTEINS} prot:nested-aliases -outfmt 3 -num_alignments 2 {SHARDED}",
    "format-4-tblastx": f"tblastx {GENES} nucl:v5 -outfmt 4 -num_alignments 1 -evalue 1e-20 {SHARDED}",
    "format-5-blastp": f"blastp {PROTEINS} prot:v5 -outfmt 5 {FEW} {SHARDED}",
    "format-6-blastn": f"blastn {GENES} nucl:v5-volumes-ids -outfmt 6 {SHARDED}",
    "format-6-blastp": f"blastp {PROTEINS} prot:v4 -outfmt 6 {SHARDED}",
    "format-6-tblastn": f"tblastn {PROTEINS} nucl:several -outfmt 6 {SHARDED}",
    "format-6-tblastx": f"tblastx {GENES} nucl:v5 -outfmt 6 -evalue 1e-20 -max_target_seqs 2 {SHARDED}",
    "format-6-columns": f"blastp {PROTEINS} prot:v5-ids -outfmt {COLUMNS} {FEW} {SHARDED}",
    "format-7-blastn": f"blastn {GENES} 'nucl:path with spaces' -outfmt 7 {SHARDED}",
    "format-8-blastp": f"blastp {PROTEINS} prot:v5 -outfmt 8 {FEW} {SHARDED}",
    "format-9-tblastn": f"tblastn {PROTEINS} nucl:v5 -outfmt 9 {FEW} {SHARDED}",
    "format-10-blastx": f"blastx {GENES} prot:v5 -outfmt 10 {FEW} {SHARDED}",
    "format-11-blastn": f"blastn -query one.fa -db nucl:v5 -outfmt 11 -max_target_seqs 2 {SHARDED}",
    "format-12-blastp": f"blastp -query one-prot.fa -db prot:v5 -outfmt 12 -max_target_seqs 2 {SHARDED}",
    "format-13-blastp": f"blastp {PROTEINS} prot:v5 -outfmt 13 -out parts {FEW} {SHARDED}",
    "format-14-blastx": f"blastx {GENES} prot:v5 -outfmt 14 -out parts -max_target_seqs 1 {SHARDED}",
    "format-15-blastp": f"blastp {PROTEINS} prot:v5 -outfmt 15 -max_target_seqs 2 {SHARDED}",
    "format-16-tblastn": f"tblastn {PROTEINS} nucl:v5 -outfmt 16 -max_target_seqs 1 {SHARDED}",
    "format-17-blastn": f"blastn {GENES} nucl:v5-ids -outfmt '17 SQ' {FEW} {SHARDED}",
    "format-18-blastp": f"blastp {PROTEINS} prot:v5-ids -outfmt 18 {FEW} {SHARDED}",
    # Ways to cut a search.
    "batches": f"blastp -query long.fa -db prot:v5 -outfmt 7 {FEW} {SHARDED}",
    "one-shard": f"blastp {PROTEINS} prot:v5 -outfmt 10 --shards 1 -num_threads 2 {FEW} {QUIET}",
    "off": f"blastp {PROTEINS} prot:v5 -outfmt 6 {FEW} --shards off {QUIET}",
    "left-to-blast": f"blastn -query one.fa -subject nucl.fa -outfmt 6 {QUIET}",
    "saturated": f"blastn -query ribosomal.fa -db nucl:ribosomal -outfmt 6 -max_target_seqs 5 {SHARDED}",
    "complete": f"blastn -query ribosomal.fa -db nucl:ribosomal -outfmt 6 {FEW} --exactness complete {SHARDED}",
    "seqidlist": f"blastp {PROTEINS} prot:v5-ids -seqidlist ids.txt -outfmt 6 {SHARDED}",
    "no-hits": f"blastn -query none.fa -db nucl:v5 -outfmt 7 {SHARDED}",
    "out": f"blastp {PROTEINS} prot:v5 -outfmt 10 -max_target_seqs 1 -out hits.csv {SHARDED}",
    "compressed-queries": f"blastp -query prot.fa.gz -db prot:v5 -outfmt 6 {FEW} {SHARDED}",
    # Errors.
    "error-no-database-named": "blastp -query prot.fa",
    "error-no-query-file": "blastp -query absent.fa -db prot:v5",
    "error-evalue": f"blastp {BAD} -evalue small",
    "error-format": f"blastp {BAD} -outfmt 99",
    "error-unknown-option": f"blastp {BAD} -bogus 1",
    "error-our-unknown-option": f"blastp {BAD} --fast",
    "error-shards": f"blastp {BAD} --shards none",
    "error-exactness": f"blastp {BAD} --exactness nearly",
    "error-twice": f"blastp {BAD} --quiet --quiet",
    "error-many-files": f"blastp {BAD} -outfmt 13",
    "error-output": f"blastp {BAD} -out absent/out",
    "error-report": f"blastp {BAD} --report absent/report.json",
    "error-engine": f"blastp {BAD} --engine cloud",
    "error-scheduler": f"blastp {BAD} --engine dask",
    "error-command": "no-such-command",
    "error-command-option": "doctor --no-such-option",
    "error-program": "verify psiblast -db x",
    "error-no-service": "list --server http://127.0.0.1:9",
    "error-no-id": "status not-an-id --server http://127.0.0.1:9",
    "error-no-home": "db list --home absent",
    # Other commands.
    "version": "--version",
    "verify": f"verify blastp {PROTEINS} prot:v5 -outfmt 6 --shards 3 --quiet",
    "verify-archive": "verify blastn -query one.fa -db nucl:v5 -outfmt 11 --shards 2 --quiet",
}
OF_THE_MACHINE = {"cores", "memory", "cache folder", "page cache", "BLAST+ version", "size", "--shards auto"}
"""Subjects for which the findings of ``doctor`` differ between machines."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with queries, in which the commands run."""
    folder = tmp_path_factory.mktemp("frozen")
    write_fasta(folder / "nucl.fa", nucleotide_queries()[1:3])
    write_fasta(folder / "prot.fa", (protein_queries()[0], *protein_queries()[2:4]))
    write_fasta(folder / "one.fa", nucleotide_queries()[1:2])
    write_fasta(folder / "one-prot.fa", protein_queries()[:1])
    write_fasta(folder / "none.fa", nucleotide_queries()[2:3])
    write_fasta(folder / "long.fa", (Sequence("masked", "X" * 100_000), *protein_queries()[:2]))
    write_fasta(folder / "ribosomal.fa", (replace(one, letters=one.letters[:500]) for one in real("16s-queries")[:2]))
    (folder / "prot.fa.gz").write_bytes(gzip.compress((folder / "prot.fa").read_bytes()))
    (folder / "ids.txt").write_text("\n".join(one.title.split()[0] for one in proteins()[:60:2]))
    with contextlib.chdir(folder):
        yield folder


@pytest.fixture(scope="module")
def made(place: Path) -> Databases:
    """The databases that cases name as ``MOLECULE:KIND``."""
    databases = Databases(place)
    databases.of("ribosomal", "nucl", real("16s")[::25])
    return databases


@pytest.mark.parametrize("name", CASES)
def test_a_command_leaves_the_recorded_output(name: str, place: Path, made: Databases) -> None:
    words = [_database(word, made) if ":" in word and "/" not in word else word for word in shlex.split(CASES[name])]
    words = [word.replace(f"{place}/", "") for word in words]
    before = set(os.listdir(place))

    done = forked.run([*SHARDBLAST, *words], os.environ)

    left = {one: (place / one).read_bytes().decode() for one in sorted(set(os.listdir(place)) - before)}
    for one in left:
        (place / one).unlink()
    if "report.json" in left:
        left["report.json"] = _report(left["report.json"])
    if words[0] == "verify" and done.stdout:
        done.stdout = pretty(masked_json(json.loads(done.stdout))).encode()
    assert_recorded(
        f"outputs/{name}.txt", masked(transcript(words, done, left), place, Path(os.environ["SHARDBLAST_HOME"]))
    )


def test_doctor_prints_the_recorded_findings(place: Path, made: Databases) -> None:
    database = _database("prot:v5", made).removeprefix(f"{place}/")

    done = forked.run([*SHARDBLAST, "doctor", "--json", "-db", database], os.environ)

    found = [one for one in json.loads(done.stdout) if one["subject"] not in OF_THE_MACHINE]
    assert_recorded("outputs/doctor.txt", masked(pretty(found)))


def _database(word: str, made: Databases) -> str:
    molecule, kind = word.split(":")
    return made(kind, molecule)


def _report(text: str) -> str:
    report: dict[str, Any] = masked_json(json.loads(text))
    report["pieces"].sort(key=lambda one: (one["purpose"], one["batch"], -1 if one["shard"] is None else one["shard"]))
    return pretty(report)
