# What a developer types. Programs of .venv are started by its Python: their own first lines break when the folder moves.
PYTHON ?= python3
PY := .venv/bin/python
TEMPLATES := find templates -name '*.html' -print0 | xargs -0 -r

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install install-dev run test test-long coverage lint format browser screenshots requirements reset

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1~\2/p' Makefile | tr '~' '\t' | expand -t 20

install: ## make .venv with what the portal runs on (run and test do this by themselves)
	@command -v "$(PYTHON)" >/dev/null || { echo "Python is missing: install Python 3.11 or newer (Debian: apt install python3 python3-venv)." >&2; exit 1; }
	@"$(PYTHON)" .ci/install.py requirements.txt

install-dev: install
	@"$(PYTHON)" .ci/install.py requirements-dev.txt

run: install ## the portal at http://127.0.0.1:8000/ with demo data; another port: PORT=8001 make run
	@exec $(PY) -m creditbank.run --follow-parent

test: install-dev lint browser ## the checks and the tests
	@exec $(PY) -m pytest -n 2 --dist worksteal

test-long: install-dev lint browser ## as test, with the tests that take long
	@exec $(PY) -m pytest -n 2 --dist worksteal -m ""

coverage: install-dev browser ## the tests, with the lines and branches that none of them reached
	@exec $(PY) -m pytest -n 2 --dist worksteal --cov --cov-branch --cov-report=term-missing:skip-covered

lint: install-dev ## format, lint, import directions, templates and missing migrations
	@$(PY) -m ruff format --check --quiet . || { echo "Run 'make format'." >&2; exit 1; }
	@$(PY) -m ruff check --quiet .
	@$(PY) .venv/bin/lint-imports --no-logo
	@$(TEMPLATES) .venv/bin/djade --check || { echo "Run 'make format'." >&2; exit 1; }
	@$(TEMPLATES) .venv/bin/djangofmt --quiet --check || { echo "Run 'make format'." >&2; exit 1; }
	@$(TEMPLATES) .venv/bin/djangofmt --quiet check
	@$(PY) -m creditbank.testing $(PY) manage.py makemigrations --check --dry-run

format: install-dev ## format Python and templates, and mend what can be mended safely
	@$(PY) -m ruff format --quiet .
	@$(PY) -m ruff check --quiet --fix .
	@$(TEMPLATES) .venv/bin/djade || true
	@$(TEMPLATES) .venv/bin/djangofmt --quiet

browser: install-dev ## look for the browser that the journeys need; as root, install it
	@$(PY) -m creditbank.browser

screenshots: install-dev browser ## walk the operation guide in Chromium and draw docs/guide/ and docs/pictures/
	@exec $(PY) -m demo.screenshots

requirements: install-dev ## compile requirements.txt and requirements-dev.txt from the .in files, to the newest versions
	@$(PY) -m uv --version >/dev/null 2>&1 || { echo "uv is missing: .venv/bin/python -m pip install uv" >&2; exit 1; }
	@for name in requirements requirements-aliyun requirements-dev; do \
		$(PY) -m uv pip compile --quiet --upgrade --generate-hashes --python-version 3.11 --no-emit-index-url $$name.in -o $$name.txt || exit 1; \
	done

reset: install ## throw the local data away (database, queue)
	@exec $(PY) -m creditbank.local_services
