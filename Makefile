# `make` alone lists the targets.
PYTHON ?= python3
ARGS ?=
TESTS ?=
# One more than there are cores: some tests wait for a time to pass.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
UV_VERSION := 0.13.8
BIN := .venv/bin
# The system's certificates, so that a site's own package mirror works; no cache link warnings.
export UV_SYSTEM_CERTS := 1
export UV_LINK_MODE := copy
# uv works in this project's environment, whatever environment is active outside.
export VIRTUAL_ENV :=
export UV_PROJECT_ENVIRONMENT := .venv
# Bytecode is kept, whatever is set outside: else each of a thousand processes compiles everything.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install dev demo test test-postgres check messages format lint types layers lock reference screenshots clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "notifier needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.installed: $(BIN)/uv pyproject.toml uv.lock
	$(BIN)/uv sync --quiet --frozen --inexact --no-dev
	@touch $@

.venv/.installed-dev: .venv/.installed
	$(BIN)/uv sync --quiet --frozen --inexact
	@touch $@

install: .venv/.installed  ## make .venv with a working notifier in it

dev: .venv/.installed-dev  ## also what tests and checks need

demo: install  ## offline tour: sample papers, three subscribers, a local inbox
	$(BIN)/notifier demo $(ARGS)

test: dev  ## run all tests (make test TESTS="tests/test_rules.py -k phrase")
	$(BIN)/python -m pytest $(or $(TESTS),-n $(WORKERS) --dist worksteal)

test-postgres: dev  ## run all tests on PostgreSQL (make test-postgres ARGS="--again 1": see tests/databases.py)
	$(BIN)/python -m pytest --database postgres $(or $(TESTS),-n $(WORKERS) --dist worksteal) $(ARGS)

check: format lint types layers test  ## everything CI runs

format: dev  ## is the code formatted? (mend: .venv/bin/ruff format .)
	$(BIN)/ruff format --check .

lint: dev  ## ruff's rules
	$(BIN)/ruff check .

types: dev  ## mypy, strict
	$(BIN)/mypy

layers: dev  ## the imports the design allows
	$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

lock: $(BIN)/uv  ## write uv.lock anew after a change to pyproject.toml
	$(BIN)/uv lock

messages: dev  ## collect the sentences of mails and pages into notifier/locale/*.po
	$(BIN)/pybabel -q extract -F notifier/locale/babel.cfg -k Said -k RuleSyntaxError:2 --no-location \
	  --omit-header --sort-output -o notifier/locale/notifier.pot .
	for file in notifier/locale/*.po; do $(BIN)/pybabel -q update -N --omit-header --no-fuzzy-matching \
	  --ignore-obsolete -i notifier/locale/notifier.pot -o $$file -l $$(basename $$file .po); done

reference: dev  ## write docs/commands.md, docs/settings.md, docs/metrics.md from the code
	$(BIN)/typer notifier.cli.root utils docs --name notifier --title Commands > docs/commands.md
	$(BIN)/python docs/reference.py settings > docs/settings.md
	$(BIN)/python docs/reference.py metrics > docs/metrics.md

screenshots: dev  ## pictures in docs/ made from the demo (needs Chromium)
	docs/screenshots.sh

clean:  ## remove the environment and all caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
