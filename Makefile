# Everything the project needs is installed into .venv; nothing is installed by hand.
SHELL := /bin/bash
VENV ?= .venv
PYTHON ?= $(shell for name in python3.11 python3.12 python3 python; do \
	$$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null && echo $$name && break; done)
BIN := $(VENV)/bin
export PYTHONPATH := $(CURDIR)
export OMP_NUM_THREADS ?= 2

.PHONY: app test check bench audit screens clean browser

app: $(VENV)/.app
	$(BIN)/python -m app.launcher

test: $(VENV)/.tests browser
	$(BIN)/python -m pytest

check: $(VENV)/.tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# BENCH names one benchmark and its options; without it, the ones that need no file are run.
bench: $(VENV)/.bench browser
	$(BIN)/python -m tests.bench $(BENCH)

# Renews the figures of the Audits page and of the README, where the new ones are copied by hand; a test compares them.
audit: $(VENV)/.app
	$(BIN)/python -m engine audit --all --record

screens: $(VENV)/.tests browser
	$(BIN)/python -m tests.browser.screens

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis screens

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed; name it with make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.app: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.tests: tests/requirements.txt $(VENV)/.app
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	touch $@

$(VENV)/.bench: tests/bench/requirements.txt tests/bench/anonymeter-requirements.txt $(VENV)/.tests
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tests/bench/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --target $(VENV)/anonymeter --upgrade \
		-r tests/bench/anonymeter-requirements.txt
	touch $@

# Pages are driven in the system's Chromium; where there is none, it is installed.
browser: $(VENV)/.tests
	@command -v chromium chromium-browser google-chrome >/dev/null \
	|| { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq chromium >/dev/null; } \
	|| $(BIN)/python -m playwright install chromium
