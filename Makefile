# Everything starts here: `make demo` to see it, `make test` to prove it, `make help` for the rest.
.DEFAULT_GOAL := help
.PHONY: help install demo demo-reset test coverage soak check bench stop stop-db
SHELL := /bin/sh
BIN := .venv/bin
# Where more than one Python is there, the first that is new enough.
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

help: ## what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 18

install: .venv/runtime ## what the product needs, into .venv

.venv/bin/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "OptixSync needs Python 3.11 or newer, and found none. Install it, and run make again." >&2; exit 1; fi
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "This Python lacks its venv module. Install it (Debian, Ubuntu: apt install python3-venv), and run make again." >&2; exit 1; }
	@rm -rf .venv
	@$(PYTHON) -m venv .venv || { \
		echo "The folder .venv could not be made. The lines above say why; mend it, and run make again." >&2; exit 1; }

.venv/runtime: requirements.txt | .venv/bin/python
	@echo "Installing what the product needs ..."
	@$(BIN)/pip install -q --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/dev: requirements.txt requirements-dev.txt | .venv/bin/python
	@echo "Installing what builds and proves the product ..."
	@$(BIN)/pip install -q --disable-pip-version-check -r requirements-dev.txt
	@touch .venv/runtime $@

demo: .venv/runtime ## a running product with demo tenants; PORT=8000
	@exec $(BIN)/python -m optixsync.demo

demo-reset: .venv/runtime ## delete what the demo made
	@exec $(BIN)/python -m optixsync.demo reset

stop: .venv/runtime ## end a demo that lost its terminal
	@exec $(BIN)/python -m optixsync.demo stop

stop-db: .venv/runtime ## stop the embedded PostgreSQL
	@$(BIN)/python -m optixsync.embedded_postgres stop var/pg
	@for name in test check bench; do $(BIN)/python -m optixsync.embedded_postgres stop var/pg-$$name; done

test: .venv/dev ## the whole suite; ARGS="-k overlap" for a part
	@exec $(BIN)/python -m tests $(ARGS)

coverage: .venv/dev ## every branch of what decides is tested, or this fails
	@exec $(BIN)/python -m tests.coverage

# 2,500 lives of 40 steps each, other ones every time, and 300 over EWS.
soak: .venv/dev ## the engine's state machine, 100,000 steps
	@HYPOTHESIS_PROFILE=soak MACHINE_EXAMPLES=2500 MACHINE_STEPS=40 $(BIN)/python -m tests tests/sync/test_machine.py tests/scenarios/test_machine.py

check: .venv/dev ## formats, types, layers, settings, migrations, templates
	@exec $(BIN)/python -m tests.check

bench: .venv/dev ## ratios, measured
	@exec $(BIN)/python -m benchmarks
