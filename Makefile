# make test    everything that must hold, from a clean clone
# make bench   every figure, beside its peers, into docs/benchmarks.md
# make page    screenshots of every page in both languages, into test-artefacts/

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
VENV ?= target/venv
CARGO_DENY := $(shell command -v cargo-deny 2>/dev/null)

.PHONY: test tools fmt lint unit deny ui browser interop nodered remote files bench page fuzz

test: tools fmt lint ui unit deny interop nodered remote files browser
	@echo "make test: all parts passed"

# Debian packages where this may install them; otherwise it says what is missing and the parts that need it say so again.
tools:
	@bash scripts/tools.sh

fmt:
	cargo fmt --all --check

lint:
	cargo clippy --workspace --all-targets --locked -- -D warnings

unit:
	cargo test --workspace --locked

deny:
	@bash scripts/deny.sh

# The page: types, unit tests, size.
ui:
	cd web/ui && npm ci --no-audit --no-fund && npm run lint && npm test && npm run build && npm run size

# Clients that are not ours: paho-mqtt, pysparkplug, mosquitto_pub.
interop: $(VENV)/ready
	cargo build --locked
	$(VENV)/bin/python tests/interop.py

# Brokers that are not ours, stopped, cut off and killed: mosquitto, nats-server.
remote: $(VENV)/ready
	cargo build --locked
	$(VENV)/bin/python tests/remote.py

# What is exported, read by pyarrow, SciPy and pyuff; memory of an export.
files: $(VENV)/ready
	cargo build --locked
	$(VENV)/bin/pip install --quiet --requirement tests/files-requirements.txt
	$(VENV)/bin/python tests/files.py

# A flood, kill -9, another broker's restart and a replay at once: some minutes.
drills: $(VENV)/ready
	cargo build --release --locked
	$(VENV)/bin/python tests/drills.py

# A real Node-RED, both ways.
nodered:
	cargo build --locked
	cd tests/nodered && npm ci --ignore-scripts --no-audit --no-fund && DANXIA_BIN=$(CURDIR)/target/debug/danxia node --test

# The page in a real Chromium, on the real recordings where they are.
browser:
	cargo build --release --locked
	cd tests/browser && npm ci --no-audit --no-fund && node --test

page:
	cargo build --release --locked
	cd tests/browser && npm ci --no-audit --no-fund && node screenshots.mjs

# Every fuzz target for FUZZ_SECONDS; needs a nightly compiler and cargo-fuzz. What came of it: docs/fuzzing.md.
fuzz:
	scripts/fuzz.sh $(FUZZ_SECONDS)

bench: $(VENV)/ready
	cargo build --release --locked
	$(VENV)/bin/pip install --quiet numpy scipy
	$(VENV)/bin/python bench/run.py

$(VENV)/ready: tests/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --requirement tests/requirements.txt
	touch $@
