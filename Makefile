# Two commands do everything on a fresh machine with Python 3.11+, make and a package index:
#   make quickstart    environment, the study `quickstart`, its report
#   make test          lint, types, every quick test
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
READY := $(VENV)/.ready

.PHONY: help install quickstart lint types test test-all bench clean

help:
	@echo "make quickstart   set up, run the study 'quickstart', print where its report lies"
	@echo "make test         set up, lint, check types, run the quick tests (minutes)"
	@echo "make test-all     the same with the slow tests"
	@echo "make bench        measure; the numbers are discussed in benchmarks/README.md"
	@echo "make lint types   one check at a time"
	@echo "make clean        remove the environment and the tools' caches"

# torch first and alone: its wheel is the large one, and the pinned version must not be displaced by another's wish.
$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "there is no $(PYTHON); name a Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(v < (3, 11) and "Unroll needs Python 3.11 or newer, $(PYTHON) is %d.%d; name another: make PYTHON=/path/to/python3.11 ..." % v)'
	@echo "setting up $(VENV) (once; the downloads are large)"
	$(PYTHON) -m venv $(VENV)
	$(PIP) "$$(grep '^torch==' constraints.txt)"
	$(PIP) --constraint constraints.txt --editable ".[dev]"
	@touch $@

install: $(READY)

quickstart: $(READY)
	$(BIN)/unroll run quickstart

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY)
	$(BIN)/mypy

# On two cores the tests that wait for processes run beside those that compute; see tests/conftest.py.
SPREAD := --numprocesses 2 --dist loadgroup

test: lint types
	$(BIN)/python -m pytest $(SPREAD) --hypothesis-profile same

test-all: lint types
	$(BIN)/python -m pytest $(SPREAD) -m "slow or not slow"

bench: $(READY)
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
