"""BLAST+ itself: its programs, files and output, read and written as BLAST+ does."""
