# Each target is short; what is longer is in scripts/.
.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench bench-service test-versions docs lock clean
PYTEST := .venv/bin/pytest -n 2

help:           ## Say what each target does
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | expand -t 16

setup:          ## Make .venv, with the command in .venv/bin/shardblast, and install BLAST+ when it is missing
	@scripts/setup

demo: setup     ## Search real sequences with and without shards, and compare
	.venv/bin/python demo/run.py

test: setup     ## Run the tests, against the installed BLAST+ and a PostgreSQL of their own
	scripts/test-needs
	$(PYTEST)

check: setup    ## Format, lint, types, import contracts, documentation
	scripts/check

bench: setup    ## Measure against BLAST+ on this machine
	.venv/bin/python -m bench

bench-service: setup ## Measure the service alone
	.venv/bin/python -m bench --only service-tiny --only service-list --only service-events --only service-resume

test-versions: setup ## Run the byte comparisons on a second version of BLAST+ (needs root)
	bin=$$(scripts/second-blast) && PATH="$$bin:$$PATH" $(PYTEST) tests/identity

docs: setup     ## Build the documentation into build/docs
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --quiet

lock:           ## Pin and hash the requirements again
	scripts/lock

clean:          ## Remove what was made, but not .venv
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests demo -name __pycache__ -type d -prune -exec rm -rf {} +
