# Vanthu. `make help` says what each target does.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VAR ?= $(CURDIR)/var
UV_VERSION := 0.13.9
UV := $(VAR)/tools/uv/bin/uv
BIN := $(CURDIR)/.venv/bin
export PYTHONDONTWRITEBYTECODE :=
export UV_LINK_MODE := copy
PROJECTS := pyproject.toml $(wildcard services/*/pyproject.toml)

.PHONY: help setup lock
help: ## What each target does
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(UV):
	@echo "setup: uv $(UV_VERSION)"
	@$(PYTHON) -m venv $(VAR)/tools/uv && $(VAR)/tools/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.stamp: requirements.lock clients/token/pyproject.toml clients/integrator/pyproject.toml | $(UV)
	@echo "setup: virtual environment from requirements.lock"
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) .venv
	@$(UV) pip sync --quiet --require-hashes --python $(BIN)/python requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps -e clients/token -e clients/integrator
	@touch $@

setup: .venv/.stamp ## Virtual environment (the embedded parts are fetched when first needed)

lock: | $(UV) ## Choose versions anew and write requirements.lock (hashes, no index addresses)
	@flock $(VAR)/tools/lock $(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --group dev --group local $(PROJECTS) clients/token/pyproject.toml clients/integrator/pyproject.toml -o requirements.lock
