# Vanthu. `make help` says what each target does.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# The first Python that is new enough; PYTHON=… chooses another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
STATE := $(or $(VANTHU_VAR),$(CURDIR)/var)
CACHE := $(or $(VANTHU_CACHE),$(HOME)/.cache/vanthu)
TOOLS := $(CURDIR)/var/tools
UV_VERSION := 0.13.9
UV := $(TOOLS)/uv/bin/uv
BIN := $(CURDIR)/.venv/bin
# Compiled modules make the next start faster; a virtual environment of somebody else is not ours.
export PYTHONDONTWRITEBYTECODE :=
unexport VIRTUAL_ENV
export UV_LINK_MODE := copy
PROJECTS := pyproject.toml $(wildcard services/*/pyproject.toml)
CLIENTS := clients/verify clients/token clients/integrator
CODE := $(patsubst %/,%,$(dir $(wildcard services/. shared/. clients/. deploy/. tests/. bench/.)))
TYPED := $(foreach folder,$(CODE),$(if $(shell find $(folder) -name '*.py' -print -quit),$(folder)))
# What fails, fails soonest: rules and contracts first; the whole stack and the browsers last, since they fill the machine;
# what looks at the clock after all others and alone.
WHOLE_TESTS := $(wildcard tests/system tests/web tests/chaos)
CLOCK_TESTS := tests/system/test_revocation.py
LATE_TESTS := $(wildcard tests/interop)
TESTS := $(filter-out $(WHOLE_TESTS) $(LATE_TESTS),$(patsubst %/,%,$(wildcard tests/*/))) $(LATE_TESTS)
TEST_PROCESSES ?= 2
SHOWN := tests/web/test_office.py tests/web/test_signing_page.py tests/web/test_search.py tests/clients/test_agent_windows.py
TEST_TOOLS := softhsm chromium qpdf poppler windows faketime dovecot clamd tesseract libreoffice

# All parts run, and any one's failure counts. The order of files is that of tests/conftest.py.
SIDE_BY_SIDE := -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder
pytest = failed=0; \
	$(BIN)/python -m pytest $(1) $(SIDE_BY_SIDE) $(TESTS) || failed=1; \
	$(BIN)/python -m pytest $(1) $(SIDE_BY_SIDE) $(CLOCK_TESTS:%=--ignore=%) $(WHOLE_TESTS) || failed=1; \
	$(BIN)/python -m pytest $(1) $(CLOCK_TESTS) || failed=1; \
	exit $$failed

# A virtual environment that was made in another place, or whose Python is gone, is made anew.
ifneq ($(shell cat .venv/.stamp 2>/dev/null),$(CURDIR))
$(shell rm -f .venv/.stamp)
else ifneq ($(shell $(BIN)/python -c 'print(1)' 2>/dev/null),1)
$(shell rm -f .venv/.stamp)
endif

.PHONY: help setup lock run stop status demo load test test-full check manifests bench screenshots clean clean-all
help: ## What each target does
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(UV):
	@deploy/local/get-uv "$(PYTHON)" $(TOOLS)/uv $(UV_VERSION)

.venv/.stamp: requirements.lock $(CLIENTS:=/pyproject.toml) | $(UV)
	@echo "setup: virtual environment from requirements.lock"
	@test "$$(cat .venv/.place 2>/dev/null)" = "$(CURDIR)" && $(BIN)/python -c '' 2>/dev/null \
		|| $(UV) venv --quiet --clear --python $(PYTHON) .venv
	@echo "$(CURDIR)" > .venv/.place
	@$(UV) pip sync --quiet --require-hashes --python $(BIN)/python requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps $(CLIENTS:%=-e %)
	@echo "$(CURDIR)" > $@

setup: .venv/.stamp ## Virtual environment (the embedded parts are fetched when first needed)

lock: | $(UV) ## Choose versions anew and write requirements.lock (hashes, no index addresses)
	@flock $(TOOLS)/lock $(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		--no-emit-package vanthu-verify \
		--python-version 3.11 --group dev --group local $(PROJECTS) $(CLIENTS:=/pyproject.toml) -o requirements.lock

run: setup ## Start everything and stay; Ctrl-C stops it
	@exec $(BIN)/python -m deploy.local up

stop: setup ## Stop what `make run` started
	@$(BIN)/python -m deploy.local down

status: setup ## What runs, and where
	@$(BIN)/python -m deploy.local status

demo: setup ## Play the whole story against the running stack
	@$(BIN)/python -m deploy.demo.story

load: setup ## Load N documents, out and in, into the running stack: make load N=1000000
	@test -n "$(N)" || { echo "N=… is missing: how many documents"; exit 2; }
	@$(BIN)/python -m bench.docs_load $(N)

test: setup ## The suite, on the real parts, in some 25 minutes on two cores
	@$(BIN)/python -m deploy.local.system $(TEST_TOOLS)
	@$(call pytest,-m "not full" --durations=10)

test-full: setup ## The suite with the long matrices, in under 45 minutes
	@$(BIN)/python -m deploy.local.system $(TEST_TOOLS)
	@$(call pytest,--durations=20)

check: setup ## Style, types, import rules, manifests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --strict $(TYPED)
	@$(BIN)/lint-imports
	@$(MAKE) --no-print-directory manifests

manifests: setup ## Render the Kubernetes manifests and compare them with the code
	@$(BIN)/python -m tests.support.manifests

bench: setup ## Measure one part: make bench B=signing, ARGS=--quick (bench/README.md)
	@test -n "$(B)" || { echo "B=… is missing; there is: $(basename $(notdir $(wildcard bench/results/*.md)))"; exit 2; }
	@$(BIN)/python -m bench.$(B) $(ARGS)

screenshots: setup ## Take the README's pictures anew, with a browser on a stack of their own
	@$(BIN)/python -m deploy.local.system $(TEST_TOOLS)
	@rm -rf var/screenshots && mkdir -p var/screenshots
	@VANTHU_SCREENSHOTS=var/screenshots $(BIN)/python -m pytest -q -m "not full" $(SHOWN)
	@for each in docs/screenshots/*.png; do cp "var/screenshots/$${each##*/}" "$$each" || exit 1; done

clean: ## Stop it and remove its state; downloads stay
	@if [ -e .venv/.stamp ]; then $(BIN)/python -m deploy.local down; fi
	@if [ -d "$(STATE)" ]; then find "$(STATE)" -mindepth 1 -maxdepth 1 ! -name tools -exec rm -rf {} +; fi
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

clean-all: clean ## Remove the virtual environment and the downloads too
	@rm -rf .venv "$(CURDIR)/var" "$(CACHE)"
