"""The tree of errors."""

from __future__ import annotations

import pickle

import pytest

from shardblast.core.errors import (
    ATTEMPTS,
    LONGEST_PAUSE_S,
    ArchiveError,
    Attempts,
    DamagedError,
    DatabaseError,
    DiskFull,
    EndedBySignal,
    EngineError,
    InputError,
    Interrupted,
    NetworkError,
    NodesDied,
    OutOfMemory,
    OutputError,
    ShardblastError,
    StorageError,
    StoreError,
    UnknownFailure,
    UsageError,
    error_for_exit_status,
    pause_s,
    reported,
    without_node,
)

KINDS = (
    InputError,
    UsageError,
    DatabaseError,
    EngineError,
    ArchiveError,
    OutOfMemory,
    UnknownFailure,
    NetworkError,
    OutputError,
    Interrupted,
)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (1, InputError),
        (2, DatabaseError),
        (3, EngineError),
        (4, OutOfMemory),
        (5, NetworkError),
        (6, OutputError),
        (255, UnknownFailure),
        (139, UnknownFailure),
        (-11, UnknownFailure),
    ],
)
def test_every_exit_status_of_blast_has_its_error(status: int, kind: type[ShardblastError]) -> None:
    assert error_for_exit_status(status) is kind


@pytest.mark.parametrize("status", [1, 2, 3, 4, 5, 6, 255])
def test_error_of_an_exit_status_exits_with_it(status: int) -> None:
    error = error_for_exit_status(status)("What BLAST+ said.", remedy="Do this.")

    assert error.exit_status == status


def test_codes_are_stable_and_distinct() -> None:
    assert [kind.code for kind in KINDS] == [
        "input",
        "usage",
        "database",
        "engine",
        "archive",
        "out-of-memory",
        "unknown",
        "network",
        "output",
        "interrupted",
    ]


def test_errors_that_the_machine_may_have_caused_are_retried_on_another() -> None:
    retried = {kind.code for kind in KINDS if kind.retry_elsewhere}

    assert retried == {"database", "out-of-memory", "unknown", "network", "output"}
    assert all(kind.retry_elsewhere for kind in (EndedBySignal, StorageError, DiskFull, DamagedError, NodesDied))


def lacks_memory() -> ShardblastError:
    return OutOfMemory("BLAST+ was killed.", remedy="Cut more.")


def test_what_passes_is_tried_again_for_a_limited_time_and_then_says_what_was_tried() -> None:
    attempts = Attempts(60)

    assert all(attempts.may_follow(lacks_memory(), at) for at in (100.0, 100.1, 100.2, 130.0, 159.9))
    last = lacks_memory()
    last.happened_on("a")

    assert not attempts.may_follow(last, 160.0)
    assert last.problem == "BLAST+ was killed. It was on node a. It was tried 6 times within 60 seconds."
    assert without_node(last.problem) == "BLAST+ was killed. It was tried 6 times within 60 seconds."


def test_what_passes_is_tried_a_few_times_however_long_an_attempt_takes() -> None:
    attempts = Attempts(60)

    assert [attempts.may_follow(lacks_memory(), 1e4 * number) for number in range(ATTEMPTS)] == [True, True, False]


def test_what_was_tried_for_long_enough_is_not_tried_again_by_others() -> None:
    error = lacks_memory()
    inner = Attempts(0)
    assert [inner.may_follow(lacks_memory(), 5.0), inner.may_follow(lacks_memory(), 5.0)] == [True, True]
    assert not inner.may_follow(error, 5.0)
    problem = error.problem

    assert not Attempts(60).may_follow(pickle.loads(pickle.dumps(error)), 5.0)
    assert error.problem == problem


@pytest.mark.parametrize("kind", [OutOfMemory, NodesDied, NetworkError, StorageError, StoreError, DiskFull])
def test_what_ends_by_itself_passes(kind: type[ShardblastError]) -> None:
    assert kind.passes
    assert kind.retry_elsewhere


@pytest.mark.parametrize("kind", [DatabaseError, DamagedError, EndedBySignal, UnknownFailure])
def test_what_may_be_due_to_a_node_is_tried_a_few_times_however_soon(kind: type[ShardblastError]) -> None:
    attempts = Attempts(60)
    words = ("a", "it ends early") if kind is DamagedError else ("It failed.",)
    errors = [kind(*words) if kind is DamagedError else kind(*words, remedy="Retry.") for _ in range(ATTEMPTS)]

    assert [attempts.may_follow(error, 1.0) for error in errors] == [True, True, False]


def test_what_is_due_to_the_search_is_never_tried_again() -> None:
    error = InputError("No queries.", remedy="Give some.")

    assert not Attempts(60).may_follow(error, 1.0)
    assert error.problem == "No queries."


def test_pauses_grow_to_a_limit() -> None:
    pauses = [pause_s(number) for number in range(1, 2000)]

    assert pauses == sorted(pauses)
    assert pauses[0] < 1 < pauses[3] < pauses[-1] == LONGEST_PAUSE_S


def test_error_says_what_happened_and_then_what_to_do() -> None:
    error = DatabaseError("There is no 'nt'.", remedy="Check -db.")

    assert str(error) == "There is no 'nt'. Check -db."
    assert (error.problem, error.remedy) == ("There is no 'nt'.", "Check -db.")


@pytest.mark.parametrize(
    "error", [InputError("A.", remedy="B."), ArchiveError("It ends early."), Interrupted()], ids=lambda e: e.code
)
def test_error_survives_pickling_to_another_process(error: ShardblastError) -> None:
    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert (str(copy), copy.problem, copy.remedy) == (str(error), error.problem, error.remedy)


def test_an_error_names_the_first_node_on_which_it_happened() -> None:
    error = OutOfMemory("BLAST+ was killed.", remedy="Cut more.")

    error.happened_on("a")
    copy = pickle.loads(pickle.dumps(error))
    copy.happened_on("b")

    assert (copy.node, copy.problem) == ("a", "BLAST+ was killed. It was on node a.")


def test_a_node_is_named_once_and_can_be_left_out() -> None:
    error = EngineError("BLAST+ failed.", remedy="Try again.")
    error.happened_on("a")

    assert error.problem == "BLAST+ failed. It was on node a."
    assert without_node(error.problem) == "BLAST+ failed."
    assert without_node("BLAST+ failed.") == "BLAST+ failed."


def test_an_error_of_every_kind_comes_back_from_a_service() -> None:
    kinds = [ShardblastError]
    for kind in kinds:
        kinds += kind.__subclasses__()

    for kind in kinds:
        error = reported(kind.code, "A.", "B.")
        assert (str(error), error.problem, error.remedy) == ("A. B.", "A.", "B.")
        assert type(error) is InputError if kind.code == "refused" else issubclass(kind, type(error))
    assert type(reported("of a later version", "A.", "B.")) is InputError
