# The two commands of the README are `make demo` and `make test`; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup setup-hosts demo demo-down test lint unit verify bench artifacts lock

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tillstack
LOCK := requirements/controller.txt
# A virtual environment belongs to one lock and one Python: it is shared by checkouts and never changed.
VENV := $(CACHE)/venv-$(shell cat $(LOCK) <(python3 -VV) | sha256sum | cut -c1-12)
INVENTORY ?= build/demo/inventory
export PATH := $(VENV)/bin:$(PATH)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

setup: $(VENV)/.complete

$(VENV)/.complete: $(LOCK)
	@scripts/setup-venv '$(VENV)' '$(LOCK)'

setup-hosts: setup # what disposable hosts and the browser check need on this machine
	@scripts/setup-packages

demo: setup-hosts ## deploy the whole stack on disposable hosts of this machine and verify it
	@python scripts/demo.py up

demo-down: setup ## remove the demo's hosts, keep the caches and reports
	@python scripts/demo.py down

test: setup-hosts ## lint, unit tests, the scenarios and the API on real hosts
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint unit
	@python -m pytest tests/scenarios tests/mutations tests/api

lint: setup ## ansible-lint (production), yamllint, ruff
	@ruff check .
	@ruff format --check .
	@yamllint --strict .
	@ansible-lint

unit: setup ## tests that need no host
	@python -m pytest -q tests/unit

verify: setup ## prove the deployment of INVENTORY (build/demo/inventory unless set)
	@python -m verify run --inventory '$(INVENTORY)'

bench: setup-hosts ## the API's speed against stock Odoo, on a copy of INVENTORY's disposable host (BENCH= for options)
	@python -m tests.bench --inventory '$(INVENTORY)' $(BENCH)

artifacts: setup ## fill the artefact folder, to deploy where nothing can be downloaded
	@ansible-playbook playbooks/artifacts.yml

lock: ## bring the locks up to date with their .in files (needs uv)
	@scripts/lock
