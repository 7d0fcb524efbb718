"""Runs the command as ``python -m shardblast``."""

import sys

from shardblast.cli.main import main

sys.exit(main())
