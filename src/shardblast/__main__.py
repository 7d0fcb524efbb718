"""Runs the command as ``python -m shardblast``."""

from __future__ import annotations

import sys

from shardblast.cli.main import main

sys.exit(main())
