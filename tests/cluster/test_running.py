"""Reports of nodes on running pieces, as the watcher of a search receives them."""

from __future__ import annotations

from shardblast.cluster.driver import Running, piece_task
from shardblast.engine.workspace import Purpose, Silent


class Told(Silent):
    """Records the reports on running pieces."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int | None, str]] = []

    def piece_started(self, purpose: object, node: str = "", seconds: float = 0.0) -> None:
        assert isinstance(purpose, Purpose)
        self.told.append(("started", purpose.batch, purpose.shard, node))

    def piece_stopped(self, purpose: object, node: str) -> None:
        assert isinstance(purpose, Purpose)
        self.told.append(("stopped", purpose.batch, purpose.shard, node))


def test_only_what_changes_of_what_nodes_do_is_told() -> None:
    watcher = Told()
    running = Running(watcher)
    first, second = piece_task(0, 1), piece_task(2, 0)

    running.seen({(first, "a"): 0.1, ("merge-3", "a"): 2.0})
    running.seen({(first, "a"): 0.4})
    running.seen({(first, "a"): 0.7, (first, "b"): 0.1})
    running.seen({(first, "b"): 0.3})
    running.seen({(second, "b"): 0.1})

    assert watcher.told == [
        ("started", 0, 1, "a"),
        ("started", 0, 1, "b"),
        ("stopped", 0, 1, "a"),
        ("stopped", 0, 1, "b"),
        ("started", 2, 0, "b"),
    ]
