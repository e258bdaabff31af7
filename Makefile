# Each target is self-sufficient in a fresh clone: it makes .venv and installs what it needs.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
BENCH := .venv-bench/bin
BENCH_INSTALLED := .venv-bench/.installed
ENGINES := .venv-engines/bin
ENGINES_INSTALLED := .venv-engines/.installed
DOCS := .venv-docs/bin
DOCS_INSTALLED := .venv-docs/.installed

.PHONY: demo test test-kernels test-engines test-packages test-browser check help docs soak bench clean

demo: $(INSTALLED)  ## train on the bundled corpora (about 5 minutes on two cores), then generate and translate
	$(BIN)/rnntext train-charlm valley --model demo --time-limit 2m
	$(BIN)/rnntext generate "The miller " --model demo --length 600
	$(BIN)/rnntext train-translate grammar --validation grammar-heldout --model demo-es --time-limit 150s
	head -n 10 corpora/grammar-heldout.tsv | cut -f 1
	head -n 10 corpora/grammar-heldout.tsv | cut -f 1 | $(BIN)/rnntext translate --model demo-es

test: $(INSTALLED)  ## run all tests, a file at a time on each of two cores
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

test-kernels: $(INSTALLED)  ## run the tests that compute under several kinds of kernels: KIND=NAME, TESTS="FILES"
	$(BIN)/python tests/kernels.py $(if $(KIND),--kind $(KIND)) $(TESTS)

test-engines: $(ENGINES_INSTALLED)  ## run the examples for many machines in Spark, Ray, Dask (Java 17) and GNU parallel
	$(ENGINES)/python -m pytest tests/engines

test-packages: $(INSTALLED)  ## build sdist and wheel, try them and each extra in fresh environments: PYTHONS="python3.12"
	$(BIN)/python tests/packages.py $(PYTHONS)

test-browser: $(INSTALLED)  ## run the page of examples/browser in headless Chromium (Node 20, Debian's package chromium)
	npm --prefix examples/browser ci
	npm --prefix examples/browser test

help: $(INSTALLED)  ## write anew what is made of the commands' help: a page, a manual page, the words for completion
	$(BIN)/python tests/cli/test_help.py > docs/help.md.new && mv docs/help.md.new docs/help.md
	$(BIN)/python tests/cli/test_man.py > docs/rnntext.1.new && mv docs/rnntext.1.new docs/rnntext.1
	$(BIN)/python tests/cli/test_completion_words.py > words.new && mv words.new rnntext/cli/shells/words.json

docs: $(DOCS_INSTALLED)  ## build the pages of docs/ as a site into build/site, which opens without a server
	NO_MKDOCS_2_WARNING=1 $(DOCS)/mkdocs build --quiet --clean

soak: $(INSTALLED)  ## show in full that a promise is kept: make soak PROMISE=5; without PROMISE, the table of results
	PYTHONPATH=tests $(BIN)/python -m soak.harness $(PROMISE) $(if $(RESULTS),--results $(RESULTS))

check: $(INSTALLED)  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform darwin rnntext
	$(BIN)/mypy --platform win32 rnntext

bench: $(BENCH_INSTALLED)  ## speed beside peers: ONLY=NAME, DATA=FOLDER with public data, QUICK=1 to see that it works
	$(BENCH)/python -m benchmarks $(ONLY) $(if $(DATA),--data $(DATA)) $(if $(QUICK),--quick)

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[train,test]'
	touch $@

$(BENCH_INSTALLED): pyproject.toml
	$(PYTHON) -m venv .venv-bench
	$(BENCH)/python -m pip install --quiet --editable '.[train,bench,onnxruntime]'
	touch $@

$(ENGINES_INSTALLED): pyproject.toml
	$(PYTHON) -m venv .venv-engines
	$(ENGINES)/python -m pip install --quiet --editable '.[engines]'
	touch $@

$(DOCS_INSTALLED): pyproject.toml
	$(PYTHON) -m venv .venv-docs
	$(DOCS)/python -m pip install --quiet --editable '.[docs]'
	touch $@

clean:  ## remove the environment and caches; trained models stay
	rm -rf .venv .venv-bench .venv-engines .venv-docs .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build examples/browser/node_modules examples/browser/dist
