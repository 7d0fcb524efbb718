"""The pool of threads."""

from __future__ import annotations

import threading
import time

import pytest

from shardblast.core.errors import Interrupted
from shardblast.engine.workspace import Pool
from tests.waiting import WITHIN_S, until


def test_the_most_urgent_task_starts_first() -> None:
    started: list[str] = []
    gate = threading.Event()
    pool = Pool(1)
    first = pool.submit(lambda: gate.wait(WITHIN_S), (9,))
    until(first.running)

    futures = [
        pool.submit(lambda name=name: started.append(name), key)
        for name, key in (("b", (1, 0)), ("c", (2,)), ("a", (0, 5)))
    ]
    gate.set()
    for future in futures:
        future.result(timeout=WITHIN_S)

    assert started == ["a", "b", "c"]
    pool.close()


def test_tasks_of_the_same_priority_start_in_the_order_they_came() -> None:
    started: list[int] = []
    gate = threading.Event()
    pool = Pool(1)
    pool.submit(lambda: gate.wait(WITHIN_S), (0,))
    futures = [pool.submit(lambda number=number: started.append(number), (1,)) for number in range(20)]
    gate.set()
    for future in futures:
        future.result(timeout=WITHIN_S)

    assert started == list(range(20))
    pool.close()


def test_no_more_tasks_run_at_once_than_the_pool_has_threads() -> None:
    running = 0
    most = 0
    lock, together = threading.Lock(), threading.Barrier(3)

    def task() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(WITHIN_S)
        time.sleep(0.01)
        with lock:
            running -= 1

    pool = Pool(3)
    for future in [pool.submit(task, (0,)) for _ in range(12)]:
        future.result(timeout=WITHIN_S)

    assert most == 3
    pool.close()


@pytest.mark.parametrize("error", [ValueError("no"), Interrupted()])
def test_a_task_that_fails_passes_its_error_on_and_the_pool_continues(error: Exception) -> None:
    def fail() -> None:
        raise error

    pool = Pool(1)
    failed = pool.submit(fail, (0,))
    fine = pool.submit(lambda: 5, (1,))

    with pytest.raises(type(error)):
        failed.result(timeout=WITHIN_S)
    assert fine.result(timeout=WITHIN_S) == 5
    pool.close()


def test_closing_drops_waiting_tasks_and_waits_for_running_ones() -> None:
    done: list[int] = []
    begun, gate = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        gate.wait(WITHIN_S)
        done.append(1)

    pool = Pool(1)
    pool.submit(slow, (0,))
    pool.submit(lambda: done.append(2), (1,))
    begun.wait(WITHIN_S)
    closing = threading.Thread(target=pool.close)
    closing.start()
    until(lambda: not pool._tasks)
    gate.set()
    closing.join(WITHIN_S)

    assert not closing.is_alive()
    assert done == [1]


def test_a_cancelled_task_never_starts() -> None:
    done: list[int] = []
    begun, gate = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        gate.wait(WITHIN_S)

    pool = Pool(1)
    first = pool.submit(slow, (0,))
    second = pool.submit(lambda: done.append(2), (1,))
    third = pool.submit(lambda: done.append(3), (2,))
    begun.wait(WITHIN_S)

    assert not first.cancel()
    assert second.cancel()
    gate.set()
    third.result(timeout=WITHIN_S)

    assert done == [3]
    pool.close()
