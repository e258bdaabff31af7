# Each target is self-sufficient in a fresh clone: it makes .venv and installs what it needs.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo test check clean

demo: $(INSTALLED)  ## train on the bundled corpus (about 3 minutes on two cores), then generate
	$(BIN)/rnntext train-charlm valley --model demo --time-limit 3m \
	  --units 256 --batch-size 32 --dropout 0.3 --recurrent-dropout 0.1  # a small text, a short time: a smaller model
	$(BIN)/rnntext generate "The miller " --model demo --length 600

test: $(INSTALLED)  ## run all tests
	$(BIN)/python -m pytest

check: $(INSTALLED)  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[train,test]'
	touch $@

clean:  ## remove the environment and caches; trained models stay
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build
