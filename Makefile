# One command each; every target does its own set-up in .venv and repeats none of it.
# A demo that was stopped goes on; one that is finished shows its results again.
# scripts/setup.sh names the fix when a machine cannot run this (old Python, no venv module, no network, no space).

PYTHON ?=
BIN := .venv/bin
SETUP := PYTHON="$(PYTHON)" sh scripts/setup.sh

.PHONY: help demo test lint format docs bench clean

help:
	@echo "make demo    train a Continuous Thought Machine on real handwritten digits and write its report"
	@echo "make test    run the test suite"
	@echo "make lint    ruff, formatting and types"
	@echo "make docs    build the documentation into docs/_build/html"
	@echo "make bench   measure cofire against its peers"
	@echo "make clean   remove .venv and caches"

demo:
	@$(SETUP) demo
	@if [ -z "$(ARGS)" ] && [ -f runs/demo/config.json ]; then $(BIN)/cofire demo --resume; else $(BIN)/cofire demo $(ARGS); fi

test:
	@$(SETUP) test
	@$(BIN)/python -m pytest -n 2 $(ARGS)

lint:
	@$(SETUP) lint
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/basedpyright --warnings

format:
	@$(SETUP) lint
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs:
	@$(SETUP) docs
	@$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

bench:
	@$(SETUP) bench
	@for script in random ctm sync free_running halting gpu; do echo "== $$script"; $(BIN)/python -m benchmarks.$$script || exit 1; done

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis docs/_build
