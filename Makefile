# Two commands matter: `make demo` and `make test`. Everything else is a part of them.
PYTHON ?= python3
VENV   := .venv/core-2.21/bin
RUN    := $(PYTHON) tests/run.py
LAB    := PYTHONPATH=tests/lab $(VENV)/python -m lab

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-down test test-fast test-full lint build sanity unit contract \
        molecule integration bench lab-up lab-status lab-down clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make the virtual environments and the collections folder
	@$(PYTHON) tests/environments.py

demo: setup ## Six vClusters on two host clusters (KUBECONFIGS=a,b CHART=c: on yours; DATABASE=f: SQL too)
	@PYTHONPATH=tests/lab $(VENV)/python demo/demo.py up

demo-down: ## Stop the demo and remove all it started
	@PYTHONPATH=tests/lab $(VENV)/python demo/demo.py down

test: ## Everything but load and fault tests, one verdict
	@$(RUN) test

test-fast: ## What needs no lab: style and unit tests
	@$(RUN) fast

test-full: ## Everything, without a time limit; skips nothing
	@$(RUN) full

lint: ## All linters
	@$(RUN) lint

build: ## Build the collection and check the artefact
	@$(RUN) setup build galaxy-importer environment

sanity: ## ansible-test sanity on the artefact, with both cores
	@$(RUN) setup build sanity-2.21 sanity-2.19

unit: ## Unit tests, with both cores
	@$(RUN) setup unit-2.21 unit-2.19

contract: ## Compare the lab's chart with the vendor's (VCLUSTER_CONTRACT=folder)
	@$(RUN) setup lab-parts contract

integration: ## Playbooks against the lab, with Helm 4 and Helm 3
	@$(RUN) setup lab-parts lab-up integration-helm4 integration-helm3

molecule: ## Role scenarios against the lab
	@$(RUN) setup lab-parts lab-up molecule

bench: setup ## What it costs, beside other ways to do it (BENCH="noop growth ...": parts)
	@PYTHONPATH=tests/lab:tests/integration $(VENV)/python tests/bench/bench.py $(BENCH)

lab-up: setup ## Start two host clusters (tests/lab/README.md)
	@$(LAB) up

lab-status: ## Show what runs in the lab
	@$(LAB) status

lab-down: setup ## Stop the lab; nothing is left but caches
	@$(LAB) down

clean: ## Remove what was built here (caches stay)
	@test ! -x $(VENV)/python || $(LAB) down
	rm -rf build .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .ansible
