# The set-up of everything: `make demo` and `make test` need nothing but Python 3.11 or later.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
QUIETLY := --quiet --disable-pip-version-check --no-compile -c constraints.txt
PIP := $(BIN)/pip install $(QUIETLY)
COMPILE := $(BIN)/python -m compileall -q -j 0 -x /tests/ $(VENV)/lib >/dev/null 2>&1 || true  # pip takes one core
DEMO_DIR ?= demo
EPOCH = $(shell git log -1 --format=%ct 2>/dev/null || echo 1577836800)

.PHONY: demo test test-slow test-faults test-lowest check format bench docs contour-models dist clean

demo: $(VENV)/.carotid  ## all steps on built-in data, figures against the truth, and where to look
	$(BIN)/carotid demo --force $(DEMO_DIR)

test: $(VENV)/.test  ## all ordinary tests
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not faults"

test-slow: $(VENV)/.test  ## tests that take minutes
	$(BIN)/python -m pytest -m slow

test-faults: $(VENV)/.test  ## every bad input, kill and mutation
	$(BIN)/python -m pytest -n 2 --dist worksteal -m faults

LOWEST := .venv-lowest

test-lowest:  ## ordinary tests with the lowest versions that pyproject.toml names, but for PyTorch and MONAI
	$(PYTHON) -m venv $(LOWEST)
	sed -nE 's/^ +"([A-Za-z0-9._-]+)>=([0-9.]+)".*/\1==\2/p' pyproject.toml | grep -vE '^(torch|monai)=' > $(LOWEST)/versions.txt
	grep -E '^(torch|monai)=' constraints.txt >> $(LOWEST)/versions.txt
	$(LOWEST)/bin/pip install --quiet --disable-pip-version-check -c $(LOWEST)/versions.txt -e ".[test]"
	$(LOWEST)/bin/python -m pytest -n 2 --dist worksteal -W ignore::DeprecationWarning -m "not slow and not faults"

check: $(VENV)/.check  ## style, types and the layers of the package
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.check  ## mend style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/.carotid  ## the figures of the README, as ratios taken in one run
	$(BIN)/python -m benchmarks.transform
	$(BIN)/python -m benchmarks.pipeline

TRAINING := src/carotid/training
CONTOUR_MODELS := runs/contour

contour-models: $(VENV)/.carotid  ## train contour models as the package's own were, in hours; step 5 wants a GPU
	$(BIN)/carotid train contour $(CONTOUR_MODELS)/step1 --from_simulator \
		--train_config_path $(TRAINING)/contour_shipped_1.toml
	for k in 2 3 4 5; do \
		$(BIN)/carotid train contour $(CONTOUR_MODELS)/step$$k --from_simulator \
			--start_from $(CONTOUR_MODELS)/step$$((k - 1)) \
			--train_config_path $(TRAINING)/contour_shipped_$$k.toml || exit 1; \
	done
	$(BIN)/carotid train contour $(CONTOUR_MODELS)/short --from_simulator \
		--train_config_path $(TRAINING)/contour_shipped_short.toml
	mkdir -p $(CONTOUR_MODELS)/models
	for k in 0 1 2; do cp $(CONTOUR_MODELS)/step5/split-$$k/model.pt $(CONTOUR_MODELS)/models/member_$$k.pt || exit 1; done
	cp $(CONTOUR_MODELS)/short/split-0/model.pt $(CONTOUR_MODELS)/models/member_3.pt
	$(BIN)/carotid models calibrate --necks 400 $(CONTOUR_MODELS)/models

docs: $(VENV)/.docs  ## the documentation as pages in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

dist: $(VENV)/.dist  ## wheel and sdist: built twice alike, checked, tried in a fresh environment
	rm -rf dist build/again build/try
	SOURCE_DATE_EPOCH=$(EPOCH) $(BIN)/python -m build --no-isolation --outdir dist .
	SOURCE_DATE_EPOCH=$(EPOCH) $(BIN)/python -m build --no-isolation --outdir build/again .
	diff -r dist build/again
	$(BIN)/twine check --strict dist/*
	$(PYTHON) -m venv build/try
	build/try/bin/pip install $(QUIETLY) dist/*.whl
	cd build && try/bin/carotid demo --participants 1 --force try/demo

clean:  ## remove what the targets above made
	rm -rf $(VENV) $(LOWEST) site build dist $(DEMO_DIR) .pytest_cache .mypy_cache .ruff_cache

$(VENV)/.venv:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.all: $(VENV)/.venv pyproject.toml constraints.txt
	$(PIP) -e ".[check,dist,docs,test]"
	$(COMPILE)
	touch $(addprefix $(VENV)/,.carotid .test .check .dist .docs) $@

$(VENV)/.carotid: $(VENV)/.venv pyproject.toml constraints.txt
	$(PIP) -e .
	$(COMPILE)
	touch $@

$(VENV)/.test: $(VENV)/.carotid
	$(PIP) -e ".[test]"
	$(COMPILE)
	touch $@

$(VENV)/.check: $(VENV)/.test
	$(PIP) -e ".[check,test]"
	touch $@

$(VENV)/.dist: $(VENV)/.carotid
	$(PIP) -e ".[dist]"
	touch $@

$(VENV)/.docs: $(VENV)/.carotid
	$(PIP) -e ".[docs]"
	touch $@
