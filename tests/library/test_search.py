"""``from shardblast import search``: every value as BLAST+ prints it, with more digits."""

from __future__ import annotations

import gzip
import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest

from shardblast import Hit, Hsp, QueryResult, search
from shardblast.core.errors import DatabaseError, InputError, ShardblastError, UsageError
from tests.databases import make_database
from tests.sequences import Sequence, gene, real, write_fasta

COMPLEMENT = str.maketrans("ACGTN", "TGCAN")
COLUMNS = (
    "qseqid sseqid qstart qend sstart send evalue bitscore score nident positive length gaps gapopen mismatch "
    "qframe sframe"
)


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for what searches keep while they run."""
    monkeypatch.setenv("SHARDBLAST_HOME", str(tmp_path / "own home"))
    return tmp_path / "own home"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Databases ``rna``, ``proteins`` and ``genes``, queries ``rna.fa``, ``proteins.fa`` and ``genes.fa``."""
    folder = tmp_path_factory.mktemp("library")
    rna, proteins = real("16s"), real("proteins")
    make_database(folder / "rna", "nucl", rna[:150])
    make_database(folder / "proteins", "prot", proteins[:800])
    make_database(folder / "genes", "nucl", [gene(protein, seed) for seed, protein in enumerate(proteins[:400])])
    reverse = Sequence('reverse "of a subject" {', rna[7].letters.translate(COMPLEMENT)[::-1])
    write_fasta(folder / "rna.fa", [*real("16s-queries")[:4], reverse, Sequence("nothing_like it", "ACGTTGCA" * 9)])
    write_fasta(folder / "proteins.fa", [*real("protein-queries")[:6], proteins[3]])
    broken = [shifted(protein, seed) for seed, protein in enumerate([*real("protein-queries")[:5], proteins[11]])]
    write_fasta(folder / "genes.fa", broken)
    return folder


CASES = [
    ("blastn", "rna", "rna.fa", {}),
    ("blastn", "rna", "rna.fa", {"task": "blastn", "evalue": 1e-5, "max_target_seqs": 400}),
    ("blastn", "rna", "rna.fa", {"ungapped": True, "word_size": 11}),
    ("blastp", "proteins", "proteins.fa", {}),
    ("blastp", "proteins", "proteins.fa", {"seg": "yes", "evalue": 30.0}),
    ("blastx", "proteins", "genes.fa", {}),
    ("blastx", "proteins", "genes.fa", {"ungapped": True, "comp_based_stats": 0}),
    ("tblastn", "genes", "proteins.fa", {"seg": "yes"}),
    ("tblastx", "rna", "rna.fa", {"evalue": 1e-100, "strand": "minus"}),
    ("tblastx", "genes", "genes.fa", {}),
]


@pytest.mark.parametrize(("program", "db", "query", "options"), CASES)
def test_every_value_equals_the_output_of_blast(
    place: Path, program: str, db: str, query: str, options: dict[str, object]
) -> None:
    expected = tabular(program, place / db, place / query, options)
    assert expected, "queries without hits would prove nothing"

    for shards in ("off", 3):
        results = list(search(program, db=place / db, query=place / query, shards=shards, **options))

        actual = [row(result, hit, hsp) for result in results for hit in result.hits for hsp in hit.hsps]
        assert actual == expected, shards


def test_evalues_have_the_digits_that_are_not_printed(place: Path) -> None:
    results = search("blastp", db=place / "proteins", query=place / "proteins.fa")

    evalues = [hsp.evalue for result in results for hit in result.hits for hsp in hit.hsps if 0 < hsp.evalue < 1]
    assert any(float(f"{evalue:.2e}") != evalue for evalue in evalues)


def test_every_query_has_a_result_in_order_and_with_its_title_and_length(place: Path) -> None:
    results = list(search("blastn", db=place / "rna", query=place / "rna.fa", shards=2))

    text = (place / "rna.fa").read_text()
    expected = [record.partition("\n") for record in text.split(">")[1:]]
    assert [(result.title, result.length) for result in results] == [
        (title.strip(), len(sequence.replace("\n", ""))) for title, _, sequence in expected
    ]
    assert [result.query_id for result in results] == [title.split()[0] for title, _, _ in expected]
    assert results[-1].hits == ()


def test_text_and_packed_files_give_the_same_as_a_file(place: Path, tmp_path: Path) -> None:
    text = (place / "rna.fa").read_text()
    packed = tmp_path / "queries.fa.gz"
    packed.write_bytes(gzip.compress(text.encode()))

    from_text, from_packed, from_file = (
        list(search("blastn", db=place / "rna", query=query, max_target_seqs=5))
        for query in (text, packed, place / "rna.fa")
    )

    assert from_text == from_packed == from_file


def test_queries_without_titles_are_named_by_their_number(place: Path) -> None:
    sequence = real("16s")[0].letters

    results = list(search("blastn", db=place / "rna", query=f">\n{sequence}\n>x\n{sequence}\n>\n{sequence}\n"))

    assert [result.query_id for result in results] == ["Query_1", "x", "Query_3"]
    assert all(result.hits for result in results)


def test_ids_of_a_database_with_ids_are_those_that_blast_prints(tmp_path: Path) -> None:
    titles = ["abc one", "gb|AF123456.1| two", "gnl|mydb|thing three", "1234 four", "ref|NM_000123.4| five"]
    sequences = [Sequence(title, one.letters) for title, one in zip(titles, real("16s"), strict=False)]
    make_database(tmp_path / "ids", "nucl", sequences, "-parse_seqids")
    write_fasta(tmp_path / "q.fa", [Sequence("q", sequences[0].letters), Sequence("r", sequences[3].letters)])

    results = search("blastn", db=tmp_path / "ids", query=tmp_path / "q.fa", shards=2)

    expected = tabular("blastn", tmp_path / "ids", tmp_path / "q.fa", {})
    assert [row(result, hit, hsp) for result in results for hit in result.hits for hsp in hit.hsps] == expected


def test_more_queries_than_are_read_at_a_time_are_all_returned(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list(search("blastn", db=place / "rna", query=place / "rna.fa"))
    monkeypatch.setattr("shardblast.library.GROUP_QUERIES", 2)

    in_groups = list(search("blastn", db=place / "rna", query=place / "rna.fa"))

    assert in_groups == whole


def test_the_complete_search_finds_at_least_as_good_hits(place: Path) -> None:
    identical = list(search("blastn", db=place / "rna", query=place / "rna.fa", shards=4, max_target_seqs=1))
    complete = list(
        search("blastn", db=place / "rna", query=place / "rna.fa", shards=4, max_target_seqs=1, exactness="complete")
    )

    for one, other in zip(identical, complete, strict=True):
        assert len(other.hits) == len(one.hits)
        assert [hit.hsps[0].raw_score for hit in other.hits] >= [hit.hsps[0].raw_score for hit in one.hits]


def test_results_are_yielded_one_by_one_and_leave_no_files(place: Path, own_home: Path) -> None:
    results = search("blastn", db=place / "rna", query=place / "rna.fa")
    next(results)
    during = list(own_home.glob("library-*"))

    results.close()

    assert len(during) == 1
    assert not list(own_home.glob("*-*"))


def test_warnings_of_blast_are_logged(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "shardblast"):
        list(search("blastn", db=place / "rna", query=place / "rna.fa", max_target_seqs=2, shards=2))

    assert "Examining 5 or more matches is recommended" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"program": "blastz"}, InputError, "'blastz' is not a program"),
        ({"query": Path("no such file.fa")}, InputError, "There is no query file 'no such file.fa'"),
        ({"query": "queries.fa"}, InputError, "For a file give a Path"),
        ({"shards": 0}, UsageError, "not a number of shards"),
        ({"exactness": "rough"}, UsageError, "Write identical or complete"),
        ({"evalu": 1e-5}, InputError, "Unknown option '-evalu'"),
        ({"evalue": "small"}, InputError, "-evalue"),
        ({"ungapped": 1}, InputError, "neither True nor False"),
        ({"outfmt": 6}, InputError, "Results are objects"),
        ({"html": True}, InputError, "It formats printed results"),
        ({"num_alignments": 3}, InputError, "Give max_target_seqs"),
        ({"culling_limit": 1, "best_hit_overhang": 0.1}, InputError, "exclude each other"),
    ],
)
def test_wrong_arguments_are_refused_before_the_search(
    place: Path, arguments: dict[str, object], error: type[Exception], message: str
) -> None:
    given = {"program": "blastn", "db": place / "rna", "query": place / "rna.fa"} | arguments
    program = given.pop("program")

    with pytest.raises(error, match=re.escape(message)):
        search(program, **given)


def test_a_missing_database_is_an_error_and_leaves_no_files(place: Path, own_home: Path) -> None:
    with pytest.raises(ShardblastError):
        list(search("blastn", db=place / "absent", query=place / "rna.fa"))

    assert not list(own_home.glob("*-*"))


def test_options_that_are_none_or_false_are_left_out(place: Path) -> None:
    results = search("blastn", db=place / "rna", query=place / "rna.fa", evalue=None, ungapped=False, soft_masking=True)

    assert list(results) == list(search("blastn", db=place / "rna", query=place / "rna.fa"))


def test_the_example_of_the_documentation_prints_the_documented_output(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "library.md"
    code, printed = re.findall(r"```(?:python|text)\n(.*?)```", page.read_text(), re.S)[:2]
    make_database(tmp_path / "16s", "nucl", real("16s"))
    write_fasta(tmp_path / "queries.fa", real("16s-queries"))

    finished = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)

    assert finished.stderr == ""
    assert finished.stdout == printed


def row(result: QueryResult, hit: Hit, hsp: Hsp) -> str:
    """Return the HSP as BLAST+ prints it."""
    columns = [
        *[result.query_id, hit.subject_id, hsp.query_start, hsp.query_end, hsp.subject_start, hsp.subject_end],
        *[printed_evalue(hsp.evalue), printed_bits(hsp.bit_score), hsp.raw_score, hsp.identities, hsp.positives],
        *[hsp.length, hsp.gaps, hsp.gap_openings, hsp.mismatches, hsp.query_frame, hsp.subject_frame],
    ]
    return "\t".join(str(column) for column in columns)


def printed_evalue(evalue: float) -> str:
    """Source: NCBI C++ Toolkit, align_format/align_format_util.cpp, CAlignFormatUtil::GetScoreString()."""
    if evalue < 1e-180:
        return "0.0"
    if evalue < 0.0009:
        return f"{evalue:.2e}"
    for limit, digits in ((0.1, 3), (1.0, 2), (10.0, 1)):
        if evalue < limit:
            return f"{evalue:.{digits}f}"
    return f"{evalue:.0f}"


def printed_bits(bits: float) -> str:
    if bits > 99999:
        return f"{bits:.3e}"
    return str(int(bits)) if bits > 99.9 else f"{bits:.1f}"


def tabular(program: str, db: Path, query: Path, options: dict[str, object]) -> list[str]:
    words = [
        word
        for name, value in options.items()
        for word in ([f"-{name}"] if value is True else [f"-{name}", f"{value}"])
    ]
    argv = [program, "-db", f'"{db}"', "-query", str(query), "-outfmt", f"6 {COLUMNS}", *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()


def shifted(protein: Sequence, seed: int) -> Sequence:
    """Return a gene whose second half is in another frame."""
    half = len(protein.letters) // 2
    first, second = (
        gene(Sequence(protein.title, part), seed) for part in (protein.letters[:half], protein.letters[half:])
    )
    parts = [second, first] if seed % 2 else [first, second]
    return Sequence(protein.title, ("A" * 31).join(part.letters for part in parts) + "C" * (seed % 3))


def test_missing_database_is_named(own_home: Path) -> None:
    with pytest.raises(DatabaseError, match="absent"):
        list(search("blastn", db="absent", query=">q\nACGTACGTACGTACGTACGT\n"))
