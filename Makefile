# Set-up, service, tests and checks of docqa. `make help` lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test check format lock clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
QUIET := $(if $(CI),--quiet)

# An installation is marked with a checksum of what it was made from, so that it is made again when that changes and
# at no other time.
sum = $(shell cat $(1) 2>/dev/null | cksum | cut -d ' ' -f 1)
RUNTIME := $(VENV)/.runtime-$(call sum,requirements.lock pyproject.toml)
DEV := $(VENV)/.dev-$(call sum,requirements.lock requirements-dev.lock pyproject.toml)

help:  ## List the targets.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PYTHON=python3.11   the Python that makes $(VENV) (3.11 or newer)"
	@echo "  ARGS='-k name'      arguments for pytest"
	@echo "  DOCQA_MODEL=smollm2-135m-instruct make run   a small language model for small machines"

run: $(RUNTIME)  ## Install, fetch the models, ingest the sample documents and serve them.
	$(BIN)/docqa models fetch
	$(BIN)/docqa ingest docs_corpus/documents
	exec $(BIN)/docqa serve

test: $(DEV)  ## Install what the tests need and run them.
	scripts/browser.sh $(BIN)
	$(BIN)/docqa models fetch smollm2-135m-instruct all-minilm-l6-v2
	$(BIN)/pytest $(ARGS)

check: $(DEV)  ## Lint, check format and types, and the direction of imports.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy scripts
	$(BIN)/pytest -q tests/test_imports.py

format: $(DEV)  ## Format the code and mend what the linter can.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/bin/python  ## Resolve the dependencies anew; UPGRADE=1 takes the newest of everything.
	$(BIN)/python scripts/lock.py $(if $(UPGRADE),--upgrade)

clean:  ## Remove the environment and all caches. Documents and models in data/ stay.
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -not -path './data/*' -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@scripts/venv.sh "$(PYTHON)" $(VENV)

$(RUNTIME):
	@scripts/venv.sh "$(PYTHON)" $(VENV)
	@echo "Installing the packages of requirements.lock"
	$(PIP) install $(QUIET) --requirement requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.runtime-*
	@touch $@

$(DEV): $(RUNTIME)
	$(PIP) install $(QUIET) --requirement requirements-dev.lock
	@rm -f $(VENV)/.dev-*
	@touch $@
