"""A search that runs on a cluster while a test disturbs the cluster."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.cluster.parts import START_WITHIN_S, LocalCluster
from tests.forked import Process
from tests.waiting import until

END_WITHIN_S = 600.0


@dataclass
class Searched:
    """A command that searches."""

    cluster: LocalCluster
    process: Process
    folder: Path

    @property
    def pieces(self) -> list[Path]:
        """The results of pieces that are in the storage."""
        return list((self.cluster.folder / "storage").glob("searches/*/pieces/*/*.zst"))

    @property
    def output(self) -> bytes:
        """Its standard output so far."""
        return (self.folder / "out").read_bytes()

    @property
    def said(self) -> str:
        """Its standard error so far."""
        return (self.folder / "err").read_text()

    def begun(self) -> Searched:
        """Wait until some piece is done."""
        until(lambda: self.pieces, lambda: self.said)
        assert self.process.poll() is None
        return self

    def wait_for(self, words: str) -> None:
        """Wait until it says something."""
        until(lambda: words in self.said or self.process.poll() is not None, lambda: self.said)
        assert words in self.said

    def ended(self) -> int:
        """Wait for its end; return the exit status."""
        return self.process.wait(timeout=END_WITHIN_S)

    def assert_ends_well(self, expected: bytes) -> None:
        """Assert that it prints what BLAST+ prints."""
        assert self.ended() == 0, self.said
        assert self.output == expected

    def stop(self) -> None:
        """Interrupt it, as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=START_WITHIN_S)


def search(cluster: LocalCluster, words: Sequence[str], **variables: str) -> Searched:
    """Start a command that searches on a cluster."""
    folder = cluster.folder / uuid4().hex
    folder.mkdir()
    argv = cluster.argv("driver", *words, "--engine", "dask", "--scheduler", cluster.address)
    return Searched(cluster, cluster.begin(argv, folder, **variables), folder)
