# Everything needed is installed by these targets: Python packages into .venv, system packages with apt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# what each step needs beyond python3, gcc and git
APT_DEV := python3-venv python3-dev gcc libc6-dev
APT_TEST := clang libclang-rt-dev openssl zip unzip cmake ninja-build \
	gcc-arm-none-eabi libnewlib-arm-none-eabi gcc-riscv64-unknown-elf \
	qemu-system-arm qemu-system-misc gdb-multiarch firmware-microbit-micropython openocd \
	qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-arm-linux-gnueabihf libc6-dev-armhf-cross \
	gcc-riscv64-linux-gnu libc6-dev-riscv64-cross gcc-s390x-linux-gnu libc6-dev-s390x-cross
APT_BOARD := qemu-system-arm
APT_BENCH := openssl libssl-dev libbearssl-dev libmbedtls-dev valgrind gcc-arm-none-eabi libnewlib-arm-none-eabi \
	gcc-riscv64-unknown-elf qemu-system-arm qemu-system-misc firmware-microbit-micropython

.PHONY: help dev demo hil kills test coverage lint powercut fi vectors core-coverage fuzz fuzz-core fuzz-python bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

dev: $(VENV)/.dev ## set up .venv with iotsign and its tools

# install-apt installs what is missing, or names it in one line that can be pasted
define install-apt
	@missing=""; for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
		if [ "$$(id -u)" = 0 ] || sudo -n true 2>/dev/null; then \
			$(SUDO) apt-get update -qq && DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing; \
		else echo "missing system packages; run: sudo apt-get install --no-install-recommends$$missing"; exit 1; fi; fi
endef

CORE_SOURCES := $(shell find iotsign/core -name '*.c' -o -name '*.h' -o -name CMakeLists.txt)

$(VENV)/.packages: requirements.lock
	$(call install-apt,$(APT_DEV))
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --requirement requirements.lock
	@touch $@

$(VENV)/.dev: $(VENV)/.packages pyproject.toml $(CORE_SOURCES)
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: dev ## sign a real firmware, verify it, install it on an emulated board, see forgeries refused
	$(call install-apt,$(APT_BOARD))
	$(BIN)/iotsign demo firmware_samples/prebuilt/thermostat-mps2-an385.hex --directory build/demo --board mps2-an385

hil: dev ## run the benches on every emulated board; build/hil.xml is the report
	$(call install-apt,$(APT_BOARD) qemu-system-misc)
	$(BIN)/pytest hil --junitxml build/hil.xml

kills: dev ## cut the power of emulated boards 1,000 times during upload and swap (about an hour); build/kills.jsonl is the report
	$(call install-apt,$(APT_BOARD) qemu-system-misc)
	@mkdir -p build; rm -f build/kills.jsonl
	IOTSIGN_KILLS=1000 IOTSIGN_KILL_REPORT=build/kills.jsonl $(BIN)/pytest tests/integration/device/test_kills.py --numprocesses 2

lint: dev ## ruff, mypy, import-linter
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# three processes for two cores: many tests wait for a board
test: dev ## the whole suite
	$(call install-apt,$(APT_TEST))
	$(BIN)/pytest --numprocesses 3 --dist worksteal

coverage: dev ## branch coverage of the Python code by the whole suite; fails under 90 %
	$(call install-apt,$(APT_TEST))
	$(BIN)/pytest --numprocesses 3 --dist worksteal --cov --cov-report term:skip-covered --cov-fail-under 90

powercut: dev ## cut the power at every write and erase of an update, let every read be wrong (ten minutes on two cores)
	POWERCUT_SAMPLES=0 $(BIN)/pytest tests/powercut --numprocesses 2 -rP

vectors: dev ## each vector on each architecture and board, 100,000 random cases against OpenSSL (an hour or more)
	$(call install-apt,$(APT_TEST))
	IOTSIGN_ALL_VECTORS=1 $(BIN)/pytest tests/conformance/cavp tests/conformance/wycheproof tests/conformance/openssl \
		tests/conformance/botocore/test_sigv4.py tests/unit/core/test_curve_arithmetic.py --numprocesses 2 --dist worksteal

core-coverage: dev ## line and branch coverage of the C core; fails unless all of it runs (ten minutes)
	$(BIN)/python tests/c_coverage.py

fi: dev ## skip every instruction of a boot loader's decision about a bad image (about half an hour)
	$(call install-apt,$(APT_TEST))
	PYTHONPATH=tests/firmware $(BIN)/python tests/firmware/skips.py

FUZZ_SECONDS ?= 60

fuzz: fuzz-core fuzz-python ## fuzz each parser for FUZZ_SECONDS (60)

fuzz-core: dev
	$(call install-apt,clang libclang-rt-dev)
	PYTHONPATH=tests/firmware $(BIN)/python tests/fuzz/run_libfuzzer.py --seconds $(FUZZ_SECONDS)

fuzz-python: dev
	@for target in tests/fuzz/fuzz_*.py; do \
		name=$$(basename $$target .py); name=$${name#fuzz_}; mkdir -p build/fuzz/$$name; echo "$$target"; \
		$(BIN)/python $$target -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -verbosity=0 -print_final_stats=1 \
			-artifact_prefix=build/fuzz/$$name- build/fuzz/$$name $$(ls -d tests/fuzz/corpus/$$name 2>/dev/null) || exit 1; done

bench: dev ## measure against peers; prints ratios, writes build/bench/*.json and *.svg
	$(call install-apt,$(APT_BENCH))
	@for script in $(filter-out benchmarks/measure.py benchmarks/load.py,$(wildcard benchmarks/*.py)); do \
		echo "$$script"; PYTHONPATH=hil:tests/server $(BIN)/python $$script || exit 1; done

lock: ## choose the versions that a fresh machine gets
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --all-extras pyproject.toml \
		$(addprefix --group ,build test lint fuzz bench) --output-file requirements.lock

clean: ## remove what the targets made
	rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .coverage*
