"""A search on this machine: cut into pieces, run, merged and printed."""
