"""``python -m tests.soak``: random searches on a cluster while random faults befall it, compared with BLAST+.

Each round starts some searches, lets something happen to the cluster in their midst, ends that, and waits for the
searches. A round can be repeated from its seed (``--seed``), except for the moments at which things happen.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from types import FrameType

from tests.cluster.searched import Searched, search
from tests.cluster.separate import SeparateCluster
from tests.soak.faults import Ends, Faults
from tests.soak.questions import Question, Questions

NODES = ("a", "b", "c")
MOST_SEARCHES, MOST_FAULTS = 4, 3
"""The maximum numbers in one round."""
DISK_BYTES = 512 << 20
LOST_AFTER_S = 600.0
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
KEPT = Path(__file__).parents[2] / "build" / "soak"
"""The folder for files of failed searches."""


@dataclass
class Tally:
    """The events so far."""

    searches: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def is_good(self) -> bool:
        """Whether every search was right."""
        return set(self.searches) <= {"identical"}

    def tell(self) -> None:
        """Print a summary."""
        _say(f"{self.searches.total()} searches: {_listed(self.searches, ('identical', 'wrong', 'lost'))}")
        _say(f"{self.faults.total()} faults: {_listed(self.faults, sorted(self.faults))}")


@dataclass
class Asked:
    """A search that runs."""

    question: Question
    searched: Searched
    answer: bytes
    started: float = field(default_factory=time.monotonic)

    def outcome(self) -> str:
        """Return ``identical``, ``wrong`` or ``lost``; the search has ended, or ends now."""
        if self.searched.process.poll() is None:
            self.searched.stop()
            return "lost"
        if self.searched.process.returncode != 0:
            return "lost"
        return "identical" if self.searched.output == self.answer else "wrong"


class Soak:
    """Rounds on one cluster."""

    def __init__(self, folder: Path, tally: Tally) -> None:
        self._tally = tally
        self._folder = folder
        self._questions = Questions(folder / "databases")
        self._cluster = SeparateCluster(folder, (folder / "storage").as_uri())
        self._faults = Faults(self._cluster)
        self._running: list[Asked] = []

    def __enter__(self) -> Soak:
        return self

    def run(self, seed: int, seconds: float) -> None:
        """Do rounds for so long."""
        self._start()
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self._round(seed)
            seed += 1

    def _start(self) -> None:
        for path in self._questions.databases.values():
            self._cluster.add_database(path.name, path)
        for node in NODES:
            self._cluster.network.machine(node).small_disk(self._folder / node, DISK_BYTES)
        self._cluster.start(*NODES)

    def __exit__(self, *error: object) -> None:
        for one in self._running:
            one.searched.stop()
        self._cluster.close()

    def _round(self, seed: int) -> None:
        """Do one round."""
        chance = Random(seed)
        _say(f"round {seed}")
        asked = [self._asked(chance) for _ in range(chance.randint(1, MOST_SEARCHES))]
        self._running = [self._begun(*one) for one in asked]
        for _ in range(chance.randint(1, MOST_FAULTS)):
            self._fault(chance)
        deadline = time.monotonic() + LOST_AFTER_S
        while self._is_running and time.monotonic() < deadline:
            time.sleep(0.1)
        while self._running:
            self._end(self._running.pop(), seed)

    @property
    def _is_running(self) -> bool:
        return any(one.searched.process.poll() is None for one in self._running)

    def _asked(self, chance: Random) -> tuple[Question, Path, bytes]:
        """Return a random search, the folder with its queries, and what BLAST+ prints."""
        question = self._questions.any(chance)
        folder = self._folder / f"question-{chance.getrandbits(64):x}"
        folder.mkdir()
        return question, folder, self._questions.answer(question, folder)

    def _begun(self, question: Question, folder: Path, answer: bytes) -> Asked:
        words = question.words(folder / "query.fa")
        return Asked(question, search(self._cluster, words, SHARDBLAST_REPLICAS="2"), answer)

    def _fault(self, chance: Random) -> None:
        """Let something happen while BLAST+ runs somewhere, for a while."""
        while self._is_running and not any(self._cluster.network.machine(node).blast_pids() for node in NODES):
            time.sleep(0.05)
        time.sleep(chance.uniform(0, 0.5))
        begun = self._faults.begin(chance) if self._is_running else None
        if begun is None:
            return
        kind, node, ends = begun
        lasting = chance.choice((0.5, 5.0, 45.0)) * chance.uniform(0.5, 1.5)
        self._tally.faults[kind] += 1
        _say(f"  fault   {kind}{node} for {lasting:.0f} s")
        self._last(lasting, ends)

    def _last(self, seconds: float, ends: Ends) -> None:
        """Let a fault last, but not long beyond the searches; then end it."""
        try:
            until = time.monotonic() + seconds
            while self._is_running and time.monotonic() < until:
                time.sleep(0.1)
        finally:
            ends()

    def _end(self, one: Asked, seed: int) -> None:
        outcome = one.outcome()
        self._tally.searches[outcome] += 1
        _say(f"  search  {outcome} after {time.monotonic() - one.started:.0f} s: {one.question}")
        if outcome != "identical":
            _say(one.searched.said)
            self._keep(one, KEPT / f"{seed}-{one.searched.folder.name[:8]}")

    def _keep(self, one: Asked, place: Path) -> None:
        """Copy the files that may show why a search went wrong."""
        shutil.copytree(one.searched.folder, place)
        (place / "answer").write_bytes(one.answer)
        (place / "query.fa").write_text(one.question.query)
        for log in self._folder.glob("*.log"):
            shutil.copy(log, place)
        _say(f"  kept    {place}")


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 if every search was right, 1 if not, 130 if all was right until it was stopped."""
    asked = _parser().parse_args(argv)
    for number in STOPPING:
        signal.signal(number, _interrupt)
    os.environ["BLAST_USAGE_REPORT"] = "false"
    seed = Random().getrandbits(32) if asked.seed is None else asked.seed
    _say(f"{asked.minutes:g} minutes, --seed {seed}")
    tally, stopped = Tally(), False
    try:
        with TemporaryDirectory(prefix="shardblast-soak-") as folder, Soak(Path(folder), tally) as soak:
            soak.run(seed, asked.minutes * 60)
    except KeyboardInterrupt:
        stopped = True
    tally.tell()
    if not tally.is_good:
        return 1
    return 130 if stopped else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    minutes = float(os.environ.get("SOAK_MINUTES") or 30)
    parser.add_argument("--minutes", type=float, default=minutes, help="how long (SOAK_MINUTES; 30)")
    parser.add_argument("--seed", type=int, help="of the first round; default: any")
    return parser


def _interrupt(number: int, frame: FrameType | None) -> None:
    for one in STOPPING:  # a second one must not disturb the cleaning up
        signal.signal(one, signal.SIG_IGN)
    raise KeyboardInterrupt


def _listed(counts: Counter[str], names: Iterable[str]) -> str:
    return ", ".join(f"{name} {counts[name]}" for name in names)


def _say(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
