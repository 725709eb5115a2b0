# make run    set up and start the whole product
# make test   set up and run every test
# make help   all targets

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .stamps
WEB_SOURCES := $(shell find web/console web/sdk \( -name node_modules -o -name dist \) -prune -o -type f -print)
COMPILED_SOURCES := $(shell find src/trackway \( -name '*.pyx' -o -name '*.px[di]' \))
ANALYTICS_NEXT := node_modules/@segment/analytics-next
BROWSER_CLIENT := src/trackway/collector/static
PYTEST_ARGS ?= -n 4 --dist loadgroup

# Whoever has this set has each process compile the whole product anew; the tests start hundreds of them.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench build lock clean

help: ## Say what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

setup: $(STAMPS)/python $(STAMPS)/web $(STAMPS)/dbt $(STAMPS)/compiled ## Make the environment, build the web and the compiled parts

run: $(STAMPS)/python $(STAMPS)/web $(STAMPS)/compiled ## Start everything in the foreground, in ./workspace
	@$(BIN)/trackway up --workspace workspace

test: setup ## Run all tests: Python, stock SDKs, browser
	npm run --silent test --workspace web/console --workspace web/sdk
	$(BIN)/pytest $(PYTEST_ARGS)

check: setup ## Lint, format, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	node_modules/.bin/pyright
	$(BIN)/lint-imports
	npm run --silent check --workspace web/console --workspace web/sdk

bench: setup ## Run the benchmarks
	$(BIN)/python -m benchmarks

build: setup ## Build the wheel, with all of these, into dist/
	$(BIN)/python -m hatchling build -t wheel

lock: ## Resolve the dependencies anew
	$(PYTHON) -m venv $(STAMPS)/lock
	$(STAMPS)/lock/bin/pip install --quiet uv
	$(STAMPS)/lock/bin/uv pip compile $(LOCK) pyproject.toml -o requirements/runtime.txt
	$(STAMPS)/lock/bin/uv pip compile $(LOCK) -c requirements/runtime.txt pyproject.toml requirements/dev.in -o requirements/dev.txt
	grep '^duckdb==' requirements/runtime.txt | tr -d ' \\' > $(STAMPS)/duckdb.txt  # dbt reads files of this version
	$(STAMPS)/lock/bin/uv pip compile $(LOCK) -c $(STAMPS)/duckdb.txt requirements/dbt.in -o requirements/dbt.txt
LOCK := --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header

clean: ## Remove all that was made, but not the workspace
	rm -rf $(VENV) $(STAMPS) node_modules web/*/node_modules dist web/sdk/dist src/trackway/console/static $(BROWSER_CLIENT)
	find src/trackway -name '*.so' -delete
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMPS)/python: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Trackway needs Python 3.11 or later: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	HATCH_BUILD_NO_HOOKS=true $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@mkdir -p $(STAMPS) && touch $@

# Last of all, so that its line is seen. Where nothing can be compiled the stamp stays old: the next make says so again.
$(STAMPS)/compiled: $(STAMPS)/python hatch_build.py $(COMPILED_SOURCES)
	@if $(BIN)/python hatch_build.py; then touch $@; fi

# dbt for examples/dbt, in an environment of its own: its pins and ours do not go together.
$(STAMPS)/dbt: requirements/dbt.txt
	@mkdir -p $(STAMPS)
	$(PYTHON) -m venv $(STAMPS)/dbt-env
	$(STAMPS)/dbt-env/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/dbt.txt
	@touch $@

$(STAMPS)/node: package.json package-lock.json web/console/package.json web/sdk/package.json tests/sdks/package.json
	@node -e 'if (parseInt(process.versions.node) < 20) { console.error("Trackway needs Node 20 or later to build its console"); process.exit(1) }'
	npm ci --silent
	@mkdir -p $(STAMPS) && touch $@

# The console's page, Trackway's browser client; and Segment's as npm has it, which the collector serves to its snippet.
$(STAMPS)/web: $(STAMPS)/node $(WEB_SOURCES)
	npm run --silent build --workspace web/console
	rm -rf $(BROWSER_CLIENT) && mkdir -p $(BROWSER_CLIENT)
	cp $(ANALYTICS_NEXT)/dist/umd/standalone.js $(ANALYTICS_NEXT)/dist/umd/*.bundle.*.js $(BROWSER_CLIENT)/
	cp $(ANALYTICS_NEXT)/LICENSE.MD $(BROWSER_CLIENT)/LICENSE.md
	npm run --silent build --workspace web/sdk
	cp web/sdk/dist/trackway.js $(BROWSER_CLIENT)/
	@mkdir -p $(STAMPS) && touch $@
