"""The version of shardblast."""

__version__ = "0.1.0"
