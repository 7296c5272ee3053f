# Each target does its own set-up: `make demo` and `make test` work from a bare clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
AXE := build/browser/node_modules/axe-core/axe.min.js
# One thread of torch in each test worker: threads that outnumber the cores wait for one another. Tests that compute with two threads
# run afterwards, one at a time.
# The files that hold them: to collect all others takes half a minute.
THREADED = $(shell grep -rl --include='test_*.py' mark.threads tests)
# Files that hold nothing of what `make test` runs: even to collect them takes seconds.
APART := --ignore=tests/browser --ignore-glob='tests/properties/test_ray_*'
# Python keeps what it compiles: each command that a test starts, and each worker, would otherwise compile gradlab and the tests anew.
unexport PYTHONDONTWRITEBYTECODE
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest

.PHONY: demo gate test browser proofs gpu check format lint types layers docs bench bench-floor bench-networks bench-threads bench-sweep bench-list bench-spread bench-comparing bench-diagnosis bench-watch clean

demo: $(READY)
	$(BIN)/gradlab run configs/deep_sigmoid.yaml

# A sweep of networks whose gradients are known, always trained anew: a run's id does not know gradlab's own code.
gate: $(READY)
	rm -rf build/gate && mkdir -p build/gate
	$(BIN)/gradlab sweep configs/sweeps/ci_gate.yaml --out build/gate/runs --junit build/gate/gradients.xml --summary build/gate/gradients.md

test: $(READY)
	$(PYTEST) -n 2 --dist worksteal -m "not slow and not gpu and not threads and not ray and not browser" $(APART)
	$(PYTEST) -m "threads and not slow and not gpu" $(THREADED)

# The pages in a Chromium that is installed already, and the accessibility rules of axe, from the npm registry.
browser: $(READY) $(AXE)
	$(PYTEST) -n 2 --dist worksteal -m "browser and not slow" tests/browser

$(AXE): tests/browser/package.json
	mkdir -p build/browser && cp tests/browser/package.json build/browser/
	cd build/browser && npm install --no-package-lock --no-audit --no-fund --silent
	touch $@

# The longer proofs: whole matrices, long runs, many kills. Minutes.
proofs: $(READY) $(AXE)
	$(PYTEST) -n 2 --dist worksteal -m "slow and not gpu and not threads and not ray and not browser"
	$(PYTEST) -m "threads and slow and not gpu"
	$(PYTEST) -m "browser and slow"
	$(PYTEST) -m ray

# What needs a CUDA device; elsewhere it is skipped.
gpu: $(READY)
	$(BIN)/python -m pytest -m gpu

check: lint types layers test

format: $(READY)
	$(BIN)/ruff format gradlab tests benchmarks docs
	$(BIN)/ruff check --fix gradlab tests benchmarks docs

lint: $(READY)
	$(BIN)/ruff format --check gradlab tests benchmarks docs
	$(BIN)/ruff check gradlab tests benchmarks docs

types: $(READY)
	$(BIN)/mypy

layers: $(READY)
	$(BIN)/lint-imports

docs: $(READY)
	$(BIN)/python -m pytest tests/docs

bench: $(READY)
	$(BIN)/python benchmarks/steps.py

# Normalised, residual and convolutional networks beside the same as nn.Module.
bench-networks: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.networks

# A module of one's own under a watch, beside the same loop without it; wandb and torchmortem where they are installed.
bench-watch: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.watching

bench-floor: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/floor.py

bench-threads: $(READY)
	$(BIN)/python benchmarks/threads.py --command
	$(BIN)/python benchmarks/threads.py --busy --command

bench-sweep: $(READY)
	$(BIN)/python benchmarks/sweeps.py

bench-list: $(READY)
	$(BIN)/python benchmarks/listing.py

# How often the verdict is wrong, gradlab's and others'; minutes the first time.
bench-diagnosis: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.diagnosis --seeds 0-4 --remedies --write

bench-spread: $(READY)
	$(BIN)/python benchmarks/spread.py --write

bench-comparing: $(READY)
	$(BIN)/python benchmarks/comparing.py --write

# Packages are compiled on all cores, by pip it would be one; a few hold templates that are no Python.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable '.[dev,ray,tensorboard,wandb,mlflow]'
	$(BIN)/python -m compileall -qq -j 0 -x '/tests/' $(VENV)/lib gradlab || true
	touch $(READY)

clean:
	rm -rf $(VENV) build dist *.egg-info
