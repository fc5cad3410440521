PYTHON ?= python3

setup: ## Make the virtual environments and the collections folder
	@$(PYTHON) tests/environments.py

.PHONY: setup
