# Each target is short. Longer ones are scripts in scripts/.
.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench bench-databases bench-service bench-page bench-cluster test-all test-versions test-k8s soak docs lock clean
PYTEST := .venv/bin/pytest

help:           ## List the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | expand -t 16

setup:          ## Create .venv with the command .venv/bin/shardblast, build the web page, and install BLAST+ if it is missing
	@scripts/setup

demo: setup     ## Search real sequences with and without shards, and compare
	.venv/bin/python demo/run.py

test: setup     ## Run the tests against the installed BLAST+ and a temporary PostgreSQL
	scripts/test

test-all: setup ## Run all tests, on two versions of BLAST+, with faults on separate machines, and the soak (needs root)
	scripts/test-all

check: setup    ## Check format, lint, types, import contracts, size and documentation
	scripts/check

bench: setup    ## Measure shardblast and BLAST+ on this machine
	.venv/bin/python -m bench

bench-databases: setup ## Measure adding, staging and warming databases (needs nginx)
	.venv/bin/python -m bench --only add-fasta --only warming --only staging-again --only staging-fetch

bench-service: setup ## Measure only the service
	.venv/bin/python -m bench --only service-tiny --only service-cost --only service-together --only service-list --only service-hits --only service-events --only service-resume

bench-page: setup ## Measure the web page in Chromium (scripts/test-needs installs it)
	.venv/bin/python -m bench --only page

bench-cluster: setup ## Measure a cluster on this machine
	.venv/bin/python -m bench --only cluster-tiny --only cluster-tasks --only cluster-scheduling --only cluster-scaling --only cluster-thrash --only placement

test-versions: setup ## Run the byte comparisons on other versions of BLAST+ (needs root; VERSIONS="2.16 2.17")
	failed=0; for version in $(or $(VERSIONS),2.16 2.17); do \
	  bin=$$(scripts/second-blast $$version) && PATH="$$bin:$$PATH" $(PYTEST) -n 2 --dist loadgroup --no-loadscope-reorder \
	    -m "not k8s" tests/identity tests/oddities || failed=1; done; exit $$failed

test-k8s: setup ## Deploy on the Kubernetes cluster in KUBECONFIG and test there
	scripts/test-k8s

soak: setup     ## Search on a cluster for half an hour with random faults (needs root; SOAK_MINUTES)
	.venv/bin/python -m tests.soak

docs: setup     ## Build the documentation into build/docs (needs Node.js)
	scripts/docs

lock:           ## Pin and hash the requirements again
	scripts/lock

clean:          ## Remove generated files, except .venv
	rm -rf build dist src/shardblast/api/static page/node_modules .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests demo -name __pycache__ -type d -prune -exec rm -rf {} +
