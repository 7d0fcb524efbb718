"""Options that a service accepts."""

from __future__ import annotations

import pytest

from shardblast.blast.installation import find_installation
from shardblast.bootstrap import known_arguments
from shardblast.core.option_table import PERMITTED, permitted_words
from shardblast.core.program import Arguments, Kind, Program

FILES = ["query", "out", "import_search_strategy", "export_search_strategy", "index_name", "filtering_db", "subject"]
FILES += ["window_masker_db", "seqidlist", "negative_seqidlist", "gilist", "in_pssm", "in_msa"]
OTHERS = [
    "db",
    "use_index",
    "remote",
    "window_masker_taxid",
    "taxidlist",
    "entrez_query",
    "num_threads",
    "outfmt",
    "html",
]


@pytest.fixture(scope="module")
def arguments() -> dict[Program, Arguments]:
    return {program: known_arguments(find_installation(), program) for program in Program}


@pytest.mark.parametrize("name", [*FILES, *OTHERS, "absent"])
def test_options_that_name_files_or_hosts_or_that_print_are_refused(
    arguments: dict[Program, Arguments], name: str
) -> None:
    for given in ({name: "/etc/passwd"}, f"-{name} /etc/passwd", f"-{name}=/etc/passwd"):
        words, problems = permitted_words(given, arguments[Program.BLASTN])

        assert words == ()
        assert problems


def test_no_permitted_option_is_a_file(arguments: dict[Program, Arguments]) -> None:
    for known in arguments.values():
        for name in PERMITTED & set(known):
            assert known[name].kind not in (Kind.FILE_IN, Kind.FILE_OUT)


def test_options_are_taken_by_name_or_as_on_a_command_line(arguments: dict[Program, Arguments]) -> None:
    by_name, none = permitted_words({"evalue": 1e-10, "task": "blastn", "ungapped": True}, arguments[Program.BLASTN])
    line, no_more = permitted_words("-evalue 1e-10 -task blastn -ungapped", arguments[Program.BLASTN])

    assert by_name == line == ("-evalue", "1e-10", "-task", "blastn", "-ungapped")
    assert none == no_more == []


def test_a_flag_that_is_false_is_left_out(arguments: dict[Program, Arguments]) -> None:
    assert permitted_words({"ungapped": False, "seg": None}, arguments[Program.BLASTP]) == ((), [])


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"taxids": "human"}, "options.taxids"),
        ({"negative_taxids": "9606,-1"}, "options.negative_taxids"),
        ({"taxids": "9606 562"}, "options.taxids"),
        ({"taxids": ",".join(["1"] * 3000)}, "options.taxids"),
        ({"evalue": "many"}, "options.evalue"),
        ({"evalue": 1e9}, "options.evalue"),
        ({"evalue": -1}, "options.evalue"),
        ({"max_target_seqs": 1_000_000}, "options.max_target_seqs"),
        ({"max_target_seqs": 0}, "options.max_target_seqs"),
        ({"task": "-out"}, "options.task"),
        ({"task": "x" * 300}, "options.task"),
        ({"task": "a\nb"}, "options.task"),
        ({"ungapped": "maybe"}, "options.ungapped"),
        *(
            ({"query_loc": text}, "options.query_loc")
            for text in (
                "5-1",
                "3-3",
                "0-5",
                "1-2147483648",
                "1-99999999999",
                "5",
                "1-",
                "a-b",
                "1 - 5",
                "1-5-6",
                "\u0661-5",
            )
        ),
        ({"matrix": "BLOSUM62"}, "options.matrix"),
        ("-evalue 1 -evalue 2", "options.evalue"),
        ("-evalue", "options.evalue"),
        ("evalue 1", "options"),
        ("-evalue 'open", "options"),
    ],
)
def test_a_bad_value_is_named(arguments: dict[Program, Arguments], given: dict[str, object] | str, field: str) -> None:
    _, problems = permitted_words(given, arguments[Program.BLASTN])  # type: ignore[arg-type]

    assert [one.field for one in problems] == [field]
    assert all(one.remedy for one in problems)


@pytest.mark.parametrize("text", ["1-2", "20-180", "1-2147483647"])
def test_a_range_of_the_query_may_be_longer_than_the_query(arguments: dict[Program, Arguments], text: str) -> None:
    assert permitted_words({"query_loc": text}, arguments[Program.BLASTN]) == (("-query_loc", text), [])


def test_all_problems_are_reported_at_once(arguments: dict[Program, Arguments]) -> None:
    _, problems = permitted_words("-db x -evalue y -remote -word_size 0", arguments[Program.BLASTN])

    assert len(problems) == 4


def test_taxids_are_numbers_with_commas(arguments: dict[Program, Arguments]) -> None:
    words, problems = permitted_words({"taxids": "9606,562"}, arguments[Program.BLASTN])
    one, no_more = permitted_words("-negative_taxids 9606", arguments[Program.BLASTN])

    assert words == ("-taxids", "9606,562")
    assert one == ("-negative_taxids", "9606")
    assert problems == no_more == []
