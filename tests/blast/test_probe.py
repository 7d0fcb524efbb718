"""Test searches that ask BLAST+ about options."""

from __future__ import annotations

from shardblast.blast.installation import find_installation
from shardblast.blast.probe import Trial
from shardblast.core.program import Program


def test_options_at_which_blast_crashes_are_named_with_the_signal() -> None:
    objection = Trial(find_installation()).objection(Program.BLASTN, ("-penalty", "0", "-reward", "0"))

    assert objection == "BLAST+ is ended by SIGFPE if it is given -penalty 0 -reward 0."
