# Two commands on a fresh machine with Python 3.11+, pip and make:
#   make validate    set up .venv, then run the main job
#   make test        set up .venv, then run the tests
#   make test-long   the same, then the tests that take minutes (marked long), which `make test` leaves out
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: validate test test-long lint clean

validate: $(STAMP)
	$(BIN)/mli validate

# Tests run in one process a core, each of one torch thread (tests/conftest.py sets it).
test: $(STAMP)
	$(BIN)/python -m pytest -n auto

# The claims of sampled lists in full: 60 nasty lines (tests/simulations/curves/test_curve_estimates_of_nasty_lines.py).
test-long: $(STAMP)
	$(BIN)/python -m pytest -n auto -m long

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

# PIP_CONSTRAINT, unlike --constraint, also pins what a build environment installs.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, but $(PYTHON) is " + sys.version.split()[0] + ": try  make PYTHON=python3.12 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv .venv
	PIP_CONSTRAINT="$(CURDIR)/constraints.txt" $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,hub,cluster]'
	@touch $@

clean:
	rm -rf .venv build dist *.egg-info
