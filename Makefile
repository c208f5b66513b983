# The commands of Ringtrace. `make run` starts it with a demo, `make test` runs everything.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: install run test check test-tools chromium node-tools lock clean

install: $(VENV)/.installed

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Ringtrace needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing into $(VENV) …"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test-tools: requirements-test.lock $(VENV)/.installed
	@echo "Installing the test tools …"
	@$(PIP) install --require-hashes -r requirements-test.lock
	@touch $@

test-tools: $(VENV)/.test-tools

run: install
	@HOST=$(HOST) PORT=$(PORT) exec $(BIN)/ringtrace demo --host $(HOST) --port $(PORT)

node-tools: test-tools
	@sh tests/support/install-node-tools.sh

chromium:
	@sh tests/browser/install-chromium.sh

test: test-tools chromium node-tools
	@$(BIN)/python -m pytest

check: test-tools
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

# New versions of what it stands on, with hashes (needs pip-tools: pip install pip-tools).
lock:
	pip-compile --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --allow-unsafe --strip-extras --no-header --build-deps-for wheel -o requirements.lock pyproject.toml
	pip-compile --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --allow-unsafe --strip-extras --no-header --build-deps-for wheel --extra test -c requirements.lock -o requirements-test.lock pyproject.toml

clean:
	rm -rf $(VENV) build *.egg-info
