# The words of the house. `make` alone explains them.
.DEFAULT_GOAL := help
.PHONY: help run test sure quick bench setup clean

BIN := .venv/bin
# one test process more than cores, for many wait for processes of the hub; at most four
WORKERS := $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$((n > 3 ? 4 : n + 1)))
# tracing every line makes the tests a third slower: CI does it, with a floor (pyproject.toml)
COVERAGE := $(if $(CI),--cov --cov-report=term:skip-covered)

# the tests start some hundred processes: each would compile the whole hub anew without its caches
export PYTHONDONTWRITEBYTECODE :=

help: ## Explain these words
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup ## Run the whole hub here, with a simulated WeChat; Ctrl-C stops it
	@tools/with-dev-env flask --app wsgi migrate
	@tools/with-dev-env flask --app wsgi demo
	@printf '\n  console  http://127.0.0.1:%s/console/\n  phone    http://127.0.0.1:%s/\n' "$${PORT:-8000}" "$${SIMULATOR_PORT:-8100}"
	@link=$$(tools/with-dev-env flask --app wsgi staff first-link) && [ -z "$$link" ] || printf '  first administrator, once: %s\n' "$$link"
	@printf '\n'
	@$(BIN)/honcho -f Procfile.dev start

test: setup ## Set up, then make sure: what CI runs
	@$(MAKE) --no-print-directory sure

sure: ## Check format, lint and types, then run all tests on SQLite and PostgreSQL
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal $(COVERAGE)

quick: ## Check what changed since the last commit and run the tests it may break, in a minute
	@$(BIN)/python -m tools.quick

bench: setup ## Measure callback, matching, keyword quality and jobs
	@$(BIN)/python -m bench

setup: ## Install what the hub and its tests need; nothing twice
	@tools/setup.sh

clean: ## Remove what can be made again; data under var/ stays
	@rm -rf .venv node_modules app/static/vendor build htmlcov
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
