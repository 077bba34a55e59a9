# `make run` and `make test` are all one needs; the rest are their parts. Each installs what it needs and is missing.
SHELL := /bin/bash
export CARGO_TARGET_DIR ?= $(CURDIR)/target
binary := $(CARGO_TARGET_DIR)/release/tracellm
on_wasm := --target wasm32-unknown-unknown

.PHONY: help run build test lint supply sbom test-native test-wasm test-browser test-reference test-otel test-api bench bench-read fuzz screenshots measure audit looks clean

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

run: build ## The product, optimised. DEMO=1 fills an empty store first; MONGO=1 runs on MONGO_URL, else on a MongoDB of its own; ARGS="--port 9000"
ifeq ($(MONGO),)
	@env -u MONGO_URL $(binary) start $(if $(DEMO),--demo) $(ARGS)
else ifneq ($(MONGO_URL),)
	@$(binary) start $(if $(DEMO),--demo) $(ARGS)
else
	@tools/mongo.sh --keep mongo.local sh -c 'MONGO_URL=$$MONGO_TEST_URL exec "$$@"' - $(binary) start $(if $(DEMO),--demo) $(ARGS)
endif

build: ## One self-contained binary, target/release/tracellm
	@tools/site.sh
	cargo build --release --locked
	@if [ $(binary) != $(CURDIR)/target/release/tracellm ]; then install -D $(binary) target/release/tracellm; fi

test: lint supply test-native test-wasm test-browser test-reference test-otel test-api ## Everything that CI runs

lint: ## Format and lints, for the server and for the browser
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	tools/wasm.sh clippy --locked -p tracellm --lib --no-default-features --features hydrate $(on_wasm) -- -D warnings
	tools/wasm.sh clippy --locked -p tracellm-trace --all-targets $(on_wasm) -- -D warnings

supply: ## Licences, sources and doubles of dependencies, those that nobody uses, known holes where that can be asked; the systemd unit
	tools/supply.sh

sbom: ## A bill of materials, target/tracellm.cdx.json
	tools/supply.sh sbom

test-native: ## Unit, property, store, server and command line tests, beside a MongoDB
	@. tools/common.sh && { has strace || apt strace; }
	tools/mongo.sh cargo test --locked --workspace

test-wasm: ## The fixtures of normaliser and OpenTelemetry, compiled for the browser
	tools/wasm.sh test --locked -p tracellm-trace --test fixtures --test otlp $(on_wasm)

test-browser: build ## The pages in Chromium, on both stores
	tools/mongo.sh tools/browser.sh test $(ARGS)

test-reference: build ## Against the Python package tracellm-cli: 20,000 raw traces, and a database of 10,000
	tools/mongo.sh tools/reference.sh

test-otel: build ## Real OpenTelemetry clients against a stub model server
	tools/mongo.sh tools/otel.sh

test-api: build ## Every route asked for what its description allows and what not; ARGS="--max-time 600" for longer
	tools/mongo.sh tools/api.sh $(ARGS)

bench: build ## How fast traces come in, beside what the database alone does: ROUNDS=3 SECONDS=5 ONLY=sqlite/json LOAD=overload LOAD=flood LOAD=lag
	cargo build --release --locked -p tracellm-bench
	tools/mongo.sh env TRACELLM_BINARY=$(binary) $(CARGO_TARGET_DIR)/release/ingest

bench-read: build ## How fast traces are read, beside the bare queries: SIZES=10000,100000,1000000 REQUESTS=200 ONLY=sqlite
	cargo build --release --locked -p tracellm-bench
	tools/mongo.sh env TRACELLM_BINARY=$(binary) BENCH_DATA=$${BENCH_DATA:-$(CARGO_TARGET_DIR)/bench-data} $(CARGO_TARGET_DIR)/release/read

fuzz: ## Looks for bytes that break a decoder, a minute each; SECONDS=600 for longer, TARGET=otlp_json for one
	tools/fuzz.sh $(or $(SECONDS),60) $(TARGET)

screenshots: build ## Pictures of every page, in end2end/pictures.local
	tools/mongo.sh tools/browser.sh test --config pictures.config.ts

measure: build ## What a browser takes: first loads in kB, a trace of 50,000 steps
	tools/mongo.sh tools/browser.sh test --config measurements.config.ts

looks: build ## Pages held against the pictures in end2end/looks; ARGS=--update-snapshots takes new ones
	tools/mongo.sh tools/browser.sh test --config looks.config.ts $(ARGS)

audit: build ## Lighthouse over list, trace and overview
	tools/audit.sh

clean: ## Forgets what was built here; tools stay in the cache
	rm -rf target end2end/test-results end2end/playwright-report end2end/node_modules
