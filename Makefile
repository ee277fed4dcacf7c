# Two commands on a fresh machine with Python 3.11+, pip and make:
#   make validate    set up .venv, then run the main job
#   make test        set up .venv, then run the tests
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: validate test test-quick test-long test-lowest faults explore lint docs clean

validate: $(STAMP)
	$(BIN)/mli validate

# Tests run in one process a core, each of one torch thread (tests/conftest.py sets it). `worksteal` keeps the
# tests of a file in one process, where they share what the file trains or installs once.
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal

test: $(STAMP)
	$(PYTEST)

# The tests marked `long`: each is the full form of one that `make test` runs in short.
test-long: $(STAMP)
	$(PYTEST) -m long

# For the change at hand: fewer examples of each property, and no test that is slow, drives a browser or
# starts processes.
test-quick: $(STAMP)
	HYPOTHESIS_PROFILE=quick $(PYTEST) -m "not slow and not browser and not subprocess"

# Work is killed 200 times, 3,000 damaged files are read, disks fill up: tried, clear, wrong. An hour of CPU;
# FORM=short is what the suite does, FORM=medium lies between.
FORM ?= long
faults: $(STAMP)
	MLI_FAULTS=$(FORM) $(BIN)/python -m pytest -n 0 -s -m faults tests/faults

test-lowest: $(STAMP)
	PYTHON=$(PYTHON) .ci/test_lowest

# A search for new counterexamples. Every run draws others; the seed printed repeats one: make explore SEED=...
SEED ?= $(shell $(PYTHON) -c 'import secrets; print(secrets.randbelow(2**32))')
explore: $(STAMP)
	$(eval SEED := $(SEED))
	@echo "seed $(SEED): repeat with  make explore SEED=$(SEED)"
	HYPOTHESIS_PROFILE=explore $(PYTEST) --hypothesis-seed=$(SEED) tests/mli_theory tests/theorems tests/validation/metrics tests/validation/test_statistics.py tests/simulations/gradient_flow tests/simulations/interpolation

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

# The site, build/docs/index.html, with its tutorials run anew where they changed. No network; warnings are errors.
docs: $(STAMP)
	PYTHONPATH=. $(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --quiet docs build/docs
	@echo "the site: build/docs/index.html"

# PIP_CONSTRAINT, unlike --constraint, also pins what a build environment installs.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, but $(PYTHON) is " + sys.version.split()[0] + ": try  make PYTHON=python3.12 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv .venv
	PIP_CONSTRAINT="$(CURDIR)/constraints.txt" $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,docs,hub,cluster]'
	@touch $@

clean:
	rm -rf .venv .venv-lowest build dist *.egg-info docs/generated docs/tutorials
