# Each target is self-sufficient in a fresh clone: it makes .venv and installs what it needs.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo test check soak clean

demo: $(INSTALLED)  ## train on the bundled corpora (about 5 minutes on two cores), then generate and translate
	$(BIN)/rnntext train-charlm valley --model demo --time-limit 2m \
	  --units 256 --batch-size 32 --dropout 0.3 --recurrent-dropout 0.1  # a small text, a short time: a smaller model
	$(BIN)/rnntext generate "The miller " --model demo --length 600
	$(BIN)/rnntext train-translate grammar --validation grammar-heldout --model demo-es --time-limit 150s \
	  --architecture gru --tokens word --dropout 0.1 --smoothing 0 --warmup 100  # a clean, small grammar
	head -n 10 corpora/grammar-heldout.tsv | cut -f 1 | tee /dev/stderr | $(BIN)/rnntext translate --model demo-es

test: $(INSTALLED)  ## run all tests
	$(BIN)/python -m pytest

soak: $(INSTALLED)  ## show in full that a promise is kept: make soak PROMISE=5; without PROMISE, the table of results
	PYTHONPATH=tests $(BIN)/python -m soak.harness $(PROMISE) $(if $(RESULTS),--results $(RESULTS))

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
