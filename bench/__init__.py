"""The benchmark: shardblast beside BLAST+ on this machine, run by ``python -m bench``. See docs/benchmarks.md."""
