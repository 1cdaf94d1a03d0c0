# make test    everything that must hold, from a clean clone
# make bench   every figure, beside its peers, into docs/benchmarks.md; BENCH="--only beside" some of them
# make drills  what a bad disk, kills and losses of power do (docs/drills.md); make soak: an hour under load
# make evaluate  every task of `danxia evaluate` on the public recordings, where they are, into docs/evaluation.md
# make page    screenshots of every page in both languages, into test-artefacts/

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
VENV ?= target/venv
BENCH ?=
SOAK_SECONDS ?= 3600
CARGO_DENY := $(shell command -v cargo-deny 2>/dev/null)

.PHONY: test tools fmt lint unit deny ui browser interop schema nodered oidc remote influx notify files bench evaluate page fuzz drills soak month

test: tools fmt lint ui unit deny interop schema nodered oidc remote influx notify files browser
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

# Every path of the API, asked by schemathesis: no 5xx, no answer that the description does not name. SCHEMA_EXAMPLES=200 for long.
schema: $(VENV)/ready
	cargo build --locked
	$(VENV)/bin/pip install --quiet --requirement tests/schema-requirements.txt
	$(VENV)/bin/python tests/schema.py

# Brokers that are not ours, stopped, cut off and killed: mosquitto, nats-server.
remote: $(VENV)/ready
	cargo build --locked
	$(VENV)/bin/python tests/remote.py

# A server that takes what is shipped to InfluxDB and is not ours: VictoriaMetrics, killed and started again.
influx: $(VENV)/ready
	cargo build --locked
	$(VENV)/bin/python tests/influx.py

# People told of alarms: a mail server that is not ours (aiosmtpd), stand-ins for the robots; killed in the middle.
notify: $(VENV)/ready
	cargo build --locked
	$(VENV)/bin/python tests/notify.py

# What is exported, read by pyarrow, SciPy and pyuff; memory of an export.
files: $(VENV)/ready
	cargo build --locked
	$(VENV)/bin/pip install --quiet --requirement tests/files-requirements.txt
	$(VENV)/bin/python tests/files.py

# The drills of docs/drills.md: a flood, kill -9, another broker's restart and a replay at once; a disk that is really full
# (as root); then the store alone: every kind of bad disk, 100 kills, 240 losses of power. A quarter of an hour.
drills: $(VENV)/ready
	cargo build --release --locked
	$(VENV)/bin/python tests/drills.py
	$(VENV)/bin/python tests/full_disk.py
	HISTORIAN_DISK_FAULTS=20 cargo test -p historian --locked --test bad_disk -- --nocapture
	HISTORIAN_KILLS=100 cargo test -p historian --locked --test kill -- --nocapture
	HISTORIAN_POWER_CUTS=240 cargo test -p historian --locked --test power -- --nocapture

# A plant's load for SOAK_SECONDS with somebody reading: memory must not grow, every value is counted. Into target/soak.
soak:
	cargo build --release --locked
	SOAK_SECONDS=$(SOAK_SECONDS) python3 tests/soak.py

# 120 machines for a month: what a healthy plant is called for, and when damage is seen. A quarter of an hour.
month:
	MONTH_MACHINES=120 MONTH_DAYS=30 cargo test --release --locked -p danxia --test month -- --nocapture --test-threads 1

# A real Node-RED, both ways.
nodered:
	cargo build --locked
	cd tests/nodered && npm ci --ignore-scripts --no-audit --no-fund && DANXIA_BIN=$(CURDIR)/target/debug/danxia node --test

# A provider of log-ins that is not ours (oidc-provider), and what it does when it is told to misbehave.
oidc:
	cargo build --locked
	cd tests/oidc && npm ci --ignore-scripts --no-audit --no-fund && DANXIA_BIN=$(CURDIR)/target/debug/danxia node --test

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
	$(VENV)/bin/python bench/run.py $(BENCH)

evaluate:
	cargo build --release --locked
	python3 scripts/evaluate.py

$(VENV)/ready: tests/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --requirement tests/requirements.txt
	touch $@
