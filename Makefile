# What a developer types. `make help` lists it.
# Needs Python 3.11 or newer and make; `make check` starts servers of its own.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
PORT ?= 8000
# Two processes at least, so that tests which must not meet are seen to meet; the order is tests/conftest.py's.
PYTEST := $(RUN) -m pytest -n $${PYTEST_WORKERS:-auto} --dist loadfile --no-loadscope-reorder
NEED_SERVERS := postgresql or redis or rabbitmq
DRILL_VARIANTS ?= embedded,redis,rabbitmq
DRILLS_SHORT := drills-short-embedded drills-short-redis-runs drills-short-redis-rest drills-short-rabbitmq
DRILLS_OF_RUNS := tests/drills/test_runs.py tests/drills/test_recovery.py
DRILLED_embedded := tests/drills
DRILLED_redis-runs := $(DRILLS_OF_RUNS)
DRILLED_redis-rest := $(addprefix --ignore=,$(DRILLS_OF_RUNS)) tests/drills
DRILLED_rabbitmq := -k "killed or loses" $(DRILLS_OF_RUNS)
DRILLED_BY_STATES := tests/apps/pipelines/test_transitions.py tests/apps/pipelines/test_backfill_states.py
DRILLED_BY_TESTS := $(DRILLED_BY_STATES) tests/apps/workspaces/test_signatures.py \
	tests/apps/workspaces/test_retries.py tests/outbound
comma := ,
NEED_MORE := $(NEED_SERVERS) or browser or dbt or spark or drill

.PHONY: help setup demo up test check bench drills drills-short lint format types servers browser monitoring dbt spark spark-full client docs readme requirements clean

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## install everything into .venv (quick when nothing changed)

# Both files are compared by time: a change of what is pinned installs anew.
$(INSTALLED): pyproject.toml requirements-dev.txt .ci/find_python.sh
	@python=$$(sh .ci/find_python.sh) && { test -x $(RUN) || "$$python" -m venv $(VENV); }
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## run the whole journey on real data in .demo/, checked number by number
	$(RUN) -m datalinx.demo --home .demo

up: setup ## serve the home of the demo (or another: make up HOME_DIR=… PORT=…)
	$(RUN) -m datalinx.up --home $(or $(HOME_DIR),.demo) --port $(PORT)

test: setup ## run the tests that need nothing but Python
	$(PYTEST) -m "not ($(NEED_MORE))"

# The drills wait most of the time, so what computes is run beside them; they are given twice the time for that.
check: setup ## run all there is: lint, types, tests, tests with servers, the client alone, the docs
	$(MAKE) -j 2 lint types client docs
	$(MAKE) test
	$(MAKE) servers
	DRILL_PATIENCE=2 $(MAKE) -j 9 $(DRILLS_SHORT) spark dbt readme monitoring browser

lint: setup ## look for faults of style
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

format: setup ## bring the code into its form
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

types: setup ## check the types, strictly
	$(RUN) -m mypy

# Once the tests that need a server, then those of the API and the apps again on PostgreSQL and Redis.
servers: setup ## run the tests that need servers, which are started for them alone
	$(RUN) .ci/servers.py -- $(RUN) .ci/with_servers.py "$(NEED_SERVERS)"

# Each variant is a platform of its own; DRILL_VARIANTS, DRILL_ROUNDS and DRILL_SEED choose. Failed ones keep their logs.
# They run at the same time, as most of a drill is waiting. Then comes what needs no process ended (R5, W1, W3, W4).
drills: setup ## end processes and servers of running platforms, long form: what must hold, holds
	@$(MAKE) --no-print-directory --keep-going -j 3 $(addprefix drills-long-,$(subst $(comma), ,$(DRILL_VARIANTS)))
	DRILLS=long $(PYTEST) $(DRILLED_BY_TESTS)
	$(RUN) .ci/servers.py --only postgresql -- sh -c \
		'DRILLS=long DATABASE_URL=$$DATALINX_TEST_POSTGRESQL_URL $(PYTEST) $(DRILLED_BY_STATES)'

drills-long-%:
	DRILLS=long DRILL_RESULTS=1 DRILL_VARIANTS=$* $(RUN) -m pytest -m drill tests/drills

drills-short: setup ## a few of each in about six minutes, with RabbitMQ what has to do with messages
	@$(MAKE) --no-print-directory -j 4 $(DRILLS_SHORT)

# Each with a platform of its own: with Redis in two parts, which take longest, with RabbitMQ what is about messages.
drills-short-%: setup
	DRILL_VARIANTS=$(firstword $(subst -, ,$*)) $(RUN) -m pytest -m drill $(DRILLED_$*)

browser: setup ## look at the console in headless Chromium
	sh .ci/browser.sh $(PYTEST) -m browser

monitoring: setup ## let Prometheus itself check the alert rules and read the numbers of a platform
	sh .ci/promtool.sh $(RUN) -m pytest tests/contract/test_monitoring.py

dbt: setup ## build the exported dbt project by dbt itself, which is installed beside us for that
	sh .ci/dbt.sh $(PYTEST) -m dbt

# Each process of tests would start a JVM of its own, so there is one.
spark: setup ## run mappings on Spark and compare them with DuckDB, row by row
	sh .ci/spark.sh $(RUN) -m pytest -m "spark and not slow"

spark-full: setup ## the same with every way of loading, type and cast, here and over Spark Connect
	sh .ci/spark.sh $(RUN) -m pytest -m spark

client: ## install the client alone in an empty place and import it
	sh .ci/client_alone.sh

docs: setup ## build the documentation into site/, its reference pages must be true
	$(RUN) .ci/reference.py --check
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict --quiet --site-dir site

readme: setup ## do what the README says, word by word
	sh .ci/readme.sh

bench: setup ## measure ours and the peers side by side (BENCH=… for some)
	$(RUN) -m benchmarks $(BENCH)

requirements: setup ## compile the pinned requirements from pyproject.toml
	sh .ci/compile_requirements.sh

clean: ## remove what was made: .venv, .demo, caches, builds
	rm -rf $(VENV) .venv-servers .venv-client .venv-dbt .demo .mypy_cache .ruff_cache .hypothesis build dist site *.egg-info benchmarks/.envs
