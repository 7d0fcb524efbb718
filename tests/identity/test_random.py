"""Random databases, queries, options and formats give the unsharded output. SHARDBLAST_EXAMPLES=500 tries more."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shardblast.engine.workspace import Machine
from tests.databases import make_database
from tests.identity.comparison import DATABASE_TYPE, PROGRAMS, QUERY_TYPE, assert_identical_here
from tests.sequences import CODONS, LETTERS, Sequence, changed, gene, write_fasta

OPTIONS = {
    "blastn": ["-task blastn", "-task blastn-short", "-task dc-megablast", "-dust no", "-strand minus", "-ungapped"],
    "blastp": ["-task blastp-short", "-comp_based_stats 0", "-seg yes", "-comp_based_stats 3", "-use_sw_tback"],
    "blastx": ["-strand plus", "-comp_based_stats 0", "-sum_stats false", "-seg no"],
    "tblastn": ["-comp_based_stats 0", "-sum_stats false", "-seg yes"],
    "tblastx": ["-strand minus", "-seg no"],
}
COMMON = ["-evalue 1e-5", "-evalue 100", "-evalue 10000", "-max_hsps 1", "-subject_besthit", "-qcov_hsp_perc 30"]
AMINO_ACIDS = {codon: letter for letter, codon in CODONS.items()}
FORMATS = ["0", "3", "5", "6", "7", "10 std score", "15", "16", "18"]


@st.composite
def families(draw: st.DrawFn, kind: str) -> list[Sequence]:
    """Draw sequences of which many are alike: copies, relatives, masked, very short and long ones."""
    chance = random.Random(draw(st.integers(0, 1 << 32)))
    letters, mask = LETTERS[kind], "N" if kind == "nucl" else "X"
    founders = ["".join(chance.choices(letters, k=chance.randint(40, 500))) for _ in range(draw(st.integers(1, 4)))]
    result = []
    for number in range(draw(st.integers(1, 60))):
        founder = Sequence(f"f{number} of a family", chance.choice(founders))
        match draw(st.sampled_from(["copy", "relative", "masked", "short", "long", "stranger"])):
            case "copy":
                result.append(founder)
            case "relative":
                share = chance.choice([0.02, 0.1, 0.3])
                result.append(changed(founder, kind, share=share, seed=number, title=founder.title))
            case "masked":
                result.append(Sequence(founder.title, founder.letters[:25] + mask * 30 + founder.letters[30:]))
            case "short":
                result.append(Sequence(founder.title, founder.letters[: chance.randint(1, 15)]))
            case "long":
                result.append(Sequence(founder.title, (mask * 9).join(chance.choices(founders, k=12))))
            case "stranger":
                result.append(Sequence(founder.title, "".join(chance.choices(letters, k=chance.randint(1, 300)))))
    return result


@settings(suppress_health_check=list(HealthCheck))
@given(data=st.data(), program=st.sampled_from(PROGRAMS))
def test_random_search_is_identical_in_shards(data: st.DataObject, program: str) -> None:
    subjects = data.draw(families(DATABASE_TYPE[program]))
    of_subjects = data.draw(st.lists(st.sampled_from(subjects), min_size=1, max_size=3))
    queries = [_as_query(one, program, number) for number, one in enumerate(of_subjects)]
    if data.draw(st.booleans()):
        queries += data.draw(families(QUERY_TYPE[program]))[:2]
    options = data.draw(
        st.lists(st.sampled_from(OPTIONS[program] + COMMON), max_size=3, unique_by=lambda o: o.split()[0])
    )
    words = [
        word for option in options for word in option.split() if (option, program) != ("-subject_besthit", "tblastx")
    ]
    if data.draw(st.booleans()):
        words += ["-max_target_seqs", str(data.draw(st.sampled_from([1, 2, 5, 10, 50])))]
    words += ["-outfmt", data.draw(st.sampled_from(FORMATS))]
    ids = data.draw(st.sampled_from([(), ("-parse_seqids",), ("-blastdb_version", "4"), ("-max_file_sz", "2000")]))
    memory = data.draw(st.sampled_from([1 << 40, 1 << 10]))
    shards = data.draw(st.integers(2, 8))

    with tempfile.TemporaryDirectory() as folder:
        database = make_database(Path(folder, "db"), DATABASE_TYPE[program], subjects, *ids)
        query = write_fasta(Path(folder, "query.fa"), queries)
        words = ["-db", str(database), "-query", str(query), *words]
        assert_identical_here(program, words, shards=[shards], sharded=None, empty=True, machine=Machine(2, memory))


def _as_query(subject: Sequence, program: str, number: int) -> Sequence:
    """Return a query that finds this subject."""
    title = f"q{number}"
    if QUERY_TYPE[program] == DATABASE_TYPE[program]:
        return changed(subject, QUERY_TYPE[program], share=0.05, seed=number, title=title)
    if QUERY_TYPE[program] == "nucl":
        return Sequence(title, gene(subject, number).letters)
    codons = (subject.letters[at : at + 3] for at in range(0, len(subject.letters), 3))
    return Sequence(title, "".join(AMINO_ACIDS.get(codon, "X") for codon in codons) + "MKV")
