# Every target does its own set-up: system packages where they are missing (apt), a virtual environment, the install.
# PYTHON chooses the interpreter, VENV the environment's folder, ARGS goes to the target's command.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := setup.py pyproject.toml $(shell find csrc pydeepl -name '*.[ch]' -o -name '*.py' -o -name '*.pyi')
# Two test processes, each test file in one of them; ARGS="-n 0" undoes it.
PARALLEL := -n 2 --dist loadfile
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: demo test live spark-tests lint typecheck format sanitize pythons bench clean help

help:
	@echo "make demo       the article's job on real images: read, featurize, train, evaluate"
	@echo "make test       the tests, on the installed package"
	@echo "make live       comparisons with live Keras and Spark"
	@echo "make spark-tests  the stages on PySpark: in local mode and on a cluster of this machine"
	@echo "make lint       ruff and clang-format;  make format  applies them"
	@echo "make typecheck  mypy --strict on the public package"
	@echo "make sanitize   the core's tests under AddressSanitizer and UndefinedBehaviorSanitizer"
	@echo "make pythons    build and smoke-test on every Python 3.10 to 3.13 found"
	@echo "make bench      a benchmark beside its peers: make bench ARGS=features"
	@echo "make clean      removes what the other targets made"

demo: $(VENV)/.extra-demo
	$(BIN)/pydeepl demo $(ARGS)

# From tests/ and by pytest's own script: the installed package is what is tested, not the source folder beside it.
test: $(VENV)/.extra-test
	cd tests && $(abspath $(BIN))/pytest $(PARALLEL) $(ARGS)

# Comparisons with live Keras and, where there is a Java, live Spark.
live: $(VENV)/.extra-test $(VENV)/.extra-live
	cd tests && $(abspath $(BIN))/pytest -m "not shared and (keras$$(command -v java >/dev/null && echo ' or spark'))" $(ARGS)

# One process: its modules' sessions share a JVM.
spark-tests: $(VENV)/.extra-test $(VENV)/.extra-spark
	tools/java
	cd tests && $(abspath $(BIN))/pytest -m spark -n0 spark $(ARGS)

lint: $(VENV)/.extra-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $$(find csrc -name '*.[ch]')

format: $(VENV)/.extra-lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $$(find csrc -name '*.[ch]')

typecheck: $(VENV)/.extra-lint $(VENV)/.extra-test
	$(BIN)/mypy

sanitize: $(VENV)/.extra-test
	tools/sanitize $(BIN)/python $(PARALLEL) $(ARGS)

pythons:
	tools/pythons $(ARGS)

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf build dist .venv pydeepl.egg-info pydeepl/*.so pydeepl/libpydeepl_dnnl*

$(VENV)/.created: tools/system_packages
	tools/system_packages "$(PYTHON)"
	"$(PYTHON)" -m venv $(VENV)
	@touch $@

# A local folder is always installed anew, so the package's version may stay.
$(VENV)/.installed: $(VENV)/.created $(SOURCES)
	$(PIP) install .
	@touch $@

$(VENV)/.extra-%: $(VENV)/.installed
	$(PIP) install "pydeepl[$*]"
	@touch $@

# Editable: `python -m benchmarks` finds the package in this folder.
$(VENV)/.bench: $(VENV)/.installed benchmarks/requirements.txt
	$(PIP) install -e . -r benchmarks/requirements.txt
	@touch $@
