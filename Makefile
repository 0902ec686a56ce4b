# One list of verbs. `make run` and `make demo PHOTO=…` need Python 3.11, git and make, nothing else.
PYTHON ?= python3
BIN := .venv/bin
# As it was written: a dollar sign in a photo's path is no variable of make's.
override PHOTO := $(value PHOTO)
export PHOTO
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq --require-hashes --only-binary :all:

.PHONY: run demo test test-fast lint format messages bench soak browser judges clients requirements clean

run: .venv/local
	@exec $(BIN)/python -m photorestore.local run

demo: .venv/local
	@exec $(BIN)/python -m photorestore.local demo

# Everything on SQLite, then all that touches a database on PostgreSQL.
test: .venv/dev browser judges clients client/node_modules/made client/examples/react/node_modules/made
	@cd client && npm run --silent test
	@$(BIN)/python -m pytest --cov --cov-report=
	@$(BIN)/python -m pytest --database postgresql -m "not e2e" --ignore tests/restorer --cov --cov-append

# Without processes and browsers: minutes.
test-fast: .venv/dev
	@$(BIN)/python -m pytest -m "not e2e"

lint: .venv/dev client/node_modules/made
	cd client && npm run --silent lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint templates --profile=django --lint --quiet
	$(BIN)/python manage.py makemigrations --check --dry-run

format: .venv/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Brings the translations up to date with what the sources say; what is new waits in the .po files.
messages: .venv/dev
	@DJANGO_SETTINGS_MODULE=photorestore.settings $(BIN)/python -m tests.catalogs

# Side by side with what it replaces and with the limit: docs/benchmarks.md.
# Parts: make bench ARGS="--only ours,sse-starlette --figures opens,memory", or ARGS=--quick.
bench: .venv/dev var/bench/made
	@$(BIN)/python -m bench $(ARGS)

# Churn for ten minutes, or ARGS="--minutes 60"; everything must end where it began.
soak: .venv/dev
	@$(BIN)/python -m bench.soak $(ARGS)

# The pages of somebody with 100,000 photos, on PostgreSQL.
.PHONY: bench-grid
bench-grid: .venv/dev
	@$(BIN)/python -m bench.grid

# What ours is compared with stays out of its own environment. Three of them come as source only.
var/bench/made: requirements/bench.txt
	@echo 'Installing what the benchmark compares into var/bench/venv …'
	@mkdir -p -m 700 var && mkdir -p var/bench && $(PYTHON) -m venv --clear var/bench/venv
	@var/bench/venv/bin/python -m pip --disable-pip-version-check install -qq --require-hashes \
	  --only-binary :all: --no-binary django-grip,gripcontrol,pubcontrol -r $<
	@touch $@

# Every page in light and dark, on a phone and a desktop: docs/screenshots/.
.PHONY: screenshots
screenshots: .venv/dev browser
	@$(BIN)/python -m tests.e2e.screenshots $(ARGS)

# Scores of a photo's page and of the grid with 200 photos.
.PHONY: lighthouse
lighthouse: .venv/dev browser judges
	@$(BIN)/python -m tests.e2e.lighthouse

# The tests drive a Chromium: the system's, or Playwright's own where there is none.
browser: .venv/dev
	@command -v chromium chromium-browser google-chrome >/dev/null || $(BIN)/playwright install chromium

# What judges ours stays out of its environment: RunPod's worker, Python and JavaScript client; Lighthouse.
judges: var/judges/made

var/judges/made: requirements/worker.txt tests/judges/package.json tests/judges/package-lock.json
	@command -v npm >/dev/null || { echo 'npm is needed for a judge of the tests; on Debian: apt install npm'; exit 1; }
	@echo 'Installing what judges ours into var/judges …'
	@mkdir -p -m 700 var && mkdir -p var/judges && $(PYTHON) -m venv --clear var/judges/venv
	@var/judges/venv/bin/python -m pip --disable-pip-version-check install -qq --require-hashes \
	  --only-binary :all: -r $<
	@cp tests/judges/package.json tests/judges/package-lock.json var/judges/
	@npm ci --prefix var/judges --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# What people follow streams with in Node.
clients: tests/e2e/clients/node_modules/made

tests/e2e/clients/node_modules/made: tests/e2e/clients/package-lock.json
	@cd tests/e2e/clients && npm ci --ignore-scripts --no-audit --no-fund --silent && touch node_modules/made

client/node_modules/made: client/package-lock.json
	@command -v npm >/dev/null || { echo 'The client needs Node 20 and npm; on Debian: apt install nodejs npm'; exit 1; }
	@echo 'Installing what the client is checked with into client/node_modules …'
	@cd client && npm ci --ignore-scripts --silent && touch node_modules/made

client/examples/react/node_modules/made: client/examples/react/package-lock.json
	@cd client/examples/react && npm ci --ignore-scripts --silent && touch node_modules/made

# The JavaScript client alone: types, package and size; tests with the real site and a hostile one.
.PHONY: client
client: .venv/dev client/node_modules/made
	@cd client && npm run --silent lint && npm run --silent test

.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Python 3.11 or later is needed: PYTHON=python3.11 make …'; exit 1; }
	@{ $(PYTHON) -m venv --clear .venv && touch $@; } || \
	  { rm -rf .venv; echo 'This Python cannot make environments; on Debian: apt install python3-venv'; exit 1; }

.venv/local: requirements/local.txt | .venv/made
	@echo 'Installing what PhotoRestore needs into .venv …'
	@$(PIP) -r $<
	@touch $@

.venv/dev: requirements/dev.txt | .venv/made
	@echo 'Installing what the tests and checks need into .venv …'
	@$(PIP) -r $<
	@touch $@ .venv/local

# Pins every requirement with its hashes, again and newest (needs uv).
requirements:
	@cd requirements && for name in base restorer local dev bench worker; do \
	  uv pip compile --quiet --upgrade --no-strip-extras --generate-hashes --universal --python-version 3.11 --no-emit-index-url \
	    --custom-compile-command 'make requirements' $$name.in -o $$name.txt || exit 1; done

clean:
	rm -rf .venv var tests/e2e/clients/node_modules client/node_modules client/test/*/node_modules client/examples/react/node_modules
