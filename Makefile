# `make demo` and `make test` need python3 (3.11 or newer) with venv, make and a network; nothing else.

PYTHON ?= python3
PORT ?= 8000
SERVE ?= 1
VENV := .venv
RUN := $(VENV)/bin/python
export PUBLIC_URL ?= http://127.0.0.1:$(PORT)

.PHONY: help demo test browser bench lock clean

help:
	@echo "make demo           everything up to the running product with a demo practice (SERVE=0: without serving, PORT=8000)"
	@echo "make test           the whole suite: tests, types, lint, import contracts"
	@echo "make browser        the screens in Debian's chromium (installs it, run as root); pictures in build/screens"
	@echo "make bench          measurements, as ratios against a baseline in the same run"
	@echo "make lock           resolve the requirements again"

# A stamp with the lock's content: another lock installs again, the same one costs nothing.
$(VENV)/installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Anamnesis needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.11 demo"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python has no venv module. On Debian: apt-get install python3-venv"; exit 1; }
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/installed-dev: requirements-dev.lock $(VENV)/installed
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(VENV)/installed
	@$(RUN) manage.py migrate --verbosity 0
	@$(RUN) manage.py collectstatic --no-input --verbosity 0
	@$(RUN) manage.py seed_demo
ifeq ($(SERVE),1)
	@echo "Anamnesis is at $(PUBLIC_URL)/ (Ctrl-C ends it; $(RUN) manage.py db stop ends its database)"
	@$(RUN) manage.py worker >/dev/null & worker=$$!; \
	$(VENV)/bin/gunicorn config.wsgi --bind 127.0.0.1:$(PORT) --workers 2 --threads 4 --no-control-socket & web=$$!; \
	trap 'ended=yes; kill $$worker $$web 2>/dev/null' INT TERM; \
	wait $$web; status=$$?; kill $$worker 2>/dev/null; wait; test -n "$$ended" || exit $$status
endif

test: $(VENV)/installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache
	$(VENV)/bin/pytest -n 2 --dist loadfile $(ARGS)

$(VENV)/installed-browser: requirements-browser.lock $(VENV)/installed-dev
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-browser.lock
	@touch $@

browser: $(VENV)/installed-browser
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -qq -y chromium >/dev/null; } || \
		{ echo "The screens need Debian's chromium: apt-get install chromium"; exit 1; }
	$(VENV)/bin/pytest -m browser tests/browser $(ARGS)

bench: $(VENV)/installed-dev
	$(RUN) -m tests.bench $(ARGS)

lock: $(VENV)/installed-dev
	$(VENV)/bin/uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--python-version 3.11 --quiet pyproject.toml --output-file requirements.lock
	$(VENV)/bin/uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--python-version 3.11 --quiet pyproject.toml --group dev --constraints requirements.lock --output-file requirements-dev.lock
	$(VENV)/bin/uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--python-version 3.11 --quiet pyproject.toml --group browser --constraints requirements-dev.lock \
		--output-file requirements-browser.lock

clean:
	-$(RUN) manage.py db stop
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache
