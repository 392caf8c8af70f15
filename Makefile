# The whole developer interface. Every target makes .venv from the lock first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DAYS   ?= 35
TIME   ?= 600
ARGS   ?=
.DEFAULT_GOAL := help
.PHONY: help demo test lint bench soak lock clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Two stamps: running the product needs less than developing it, and a first `make demo` should not wait for the rest.
$(VENV)/run.stamp: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/run.stamp
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(VENV)/run.stamp ## a simulated plant with its dashboard (DAYS=35 ARGS="--port 8080")
	$(BIN)/gemba demo --days $(DAYS) $(ARGS)

test: $(VENV)/dev.stamp ## the tests, against real servers where they are found (ARGS="-k journal")
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadgroup $(ARGS)

lint: $(VENV)/dev.stamp ## ruff, mypy --strict and the folder line
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/dev.stamp ## figures, client and server pinned apart (ARGS="journal")
	$(BIN)/python -m benchmarks $(ARGS)

soak: $(VENV)/dev.stamp ## the fault mixture for TIME seconds (TIME=600)
	$(BIN)/python -m tests.soak --seconds $(TIME) $(ARGS)

lock: ## make both lock files anew (needs uv)
	uv pip compile --universal --generate-hashes --python-version 3.11 --all-extras --no-emit-index-url -q \
	  pyproject.toml -o requirements.lock
	uv pip compile --universal --generate-hashes --python-version 3.11 --all-extras --group dev --no-emit-index-url -q \
	  -c requirements.lock pyproject.toml -o requirements-dev.lock

clean: ## remove what the targets made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .hypothesis .import_linter_cache
