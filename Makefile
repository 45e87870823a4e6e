# `make run` does the main job on a fresh machine, `make test` passes the tests there; both install what they need.
# `make help` lists the rest.

TARGET   := x86_64-unknown-linux-gnu
GUEST    := target/$(TARGET)/guest
WEB      := host-supervisor/web
# The API from TypeScript, which the pages use.
CLIENT   := host-supervisor/client
# The CLIs of the image, at the same versions, for tests that need one but no VM.
CLIS     := target/clis/node_modules
CODEX    := $(CLIS)/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex
CLAUDE   := $(CLIS)/@anthropic-ai/claude-code-linux-x64/claude
GEMINI   := $(CLIS)/.bin/gemini
# Players of WHEP that others have written, as one script for a page of the tests.
PLAYERS  := target/players/players.js
# Searches pages for what would shut somebody out.
AXE      := target/axe/axe.min.js
# Makes calls out of the API's own description, and looks whether the answers are what it says.
SCHEMATHESIS := target/schemathesis/bin/schemathesis
ARTEFACTS ?= artefacts
# The daemon whose guests are no VMs: what is measured with it is measured without emulation. It needs root.
BARE     := $(if $(filter 0,$(shell id -u)),$(abspath target/release/anteroom-bare))

# With cargo-nextest when it is there, with plain `cargo test` when not.
ifneq ($(shell command -v cargo-nextest 2>/dev/null),)
RUN_TESTS = cargo nextest run --workspace --no-fail-fast
BUILD_TESTS = cargo nextest run --workspace --no-run
else
RUN_TESTS = cargo test --workspace --no-fail-fast
BUILD_TESTS = cargo test --workspace --no-run
endif

FUZZ_SECONDS ?= 60

.PHONY: run build test lint deny fuzz web client guest images bench check-bench deb setup-build setup-test setup-bench help

run: build ## build everything, build the VM image once, serve, print the address
	target/release/anteroom up --yes --profile dev

build: setup-build web guest ## the two programs, optimised
	cargo build --release -p anteroom

test: setup-test web guest $(CLIENT)/dist/index.js $(CLIS)/.package-lock.json $(PLAYERS) $(AXE) $(SCHEMATHESIS) ## every test, those in real VMs too
	$(BUILD_TESTS) # and with them the daemon; by itself it would be built with other features, and much of what it needs twice
	target/debug/anteroom doctor --fix --yes
	$(MAKE) images ANTEROOM=target/debug/anteroom
	rm -rf $(ARTEFACTS) && mkdir -p $(ARTEFACTS)
	cd $(WEB) && npm test --silent -- --test-reporter=dot
	cd $(CLIENT) && npm test --silent -- --test-reporter=dot
	status=0; ANTEROOM_TEST_CODEX=$(abspath $(CODEX)) ANTEROOM_TEST_CLAUDE=$(abspath $(CLAUDE)) \
	ANTEROOM_TEST_GEMINI=$(abspath $(GEMINI)) ANTEROOM_TEST_SCHEMATHESIS=$(abspath $(SCHEMATHESIS)) $(RUN_TESTS) || status=$$?; \
	if [ -s $(ARTEFACTS)/skipped ]; then echo "Skipped on this machine:"; cat $(ARTEFACTS)/skipped; fi; exit $$status

lint: web $(CLIENT)/dist/index.js ## formatting, clippy, rustdoc, the types of page and client; warnings are errors
	cd $(CLIENT) && npm run --silent check
	cd $(WEB) && npm ci --loglevel=error && npm run --silent check
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --quiet

# Figures, as JSON, and plots of them; those of guests that are no VMs have names of their own.
BENCH    := target/release/anteroom-bench
MEASURED := target/bench
bench: build setup-bench ## how long people wait and what it costs, beside the original's way and others: tables, and JSON and plots in target/bench (40 minutes, alone on the machine)
	$(MAKE) images
	cargo build --release -p anteroom-bare
	cargo build --release -p anteroom-bench
	mkdir -p $(MEASURED)/bare
	for part in start image sign-in stream exec clones prompt page api supervisor $(if $(BARE),network); do \
	  ANTEROOM_BIN=$(abspath $(ANTEROOM)) $(BENCH) $$part --json $(MEASURED)/$$part.json --plots $(MEASURED) || exit 1; \
	done
	for part in $(if $(BARE),sign-in stream exec 'start --only-boots'); do \
	  ANTEROOM_BIN=$(BARE) $(BENCH) $$part --json $(MEASURED)/bare/$${part%% *}.json --plots $(MEASURED)/bare || exit 1; \
	done
	cargo run --quiet --release -p anteroom-agent --example bench-capture

check-bench: setup-test web guest ## whether starts with a snapshot are much sooner than boots: two of each, as ratios within the run
	$(BUILD_TESTS) # as `test`
	cargo build --workspace --bin anteroom-bench
	target/debug/anteroom doctor --fix --yes
	$(MAKE) images ANTEROOM=target/debug/anteroom
	target/debug/anteroom-bench check

deb: build ## a package for Debian and Ubuntu, tried in a throw-away root and under a systemd (needs cargo-deb; the trials need root)
	packaging/debian/build
	packaging/debian/try target/debian/*.deb
	packaging/debian/try-systemd target/debian/*.deb

fuzz: setup-test ## what must hold for hostile input, FUZZ_SECONDS for each target
	fuzz/run $(FUZZ_SECONDS)

deny: ## licences, duplicate versions, advisories (needs cargo-deny)
	cargo deny check

# Relocations in the compact form: 8 KB instead of 700 KB that every start of the agent would have to read, which whoever
# waits for an address that a CLI hands to `open-url` waits for. A static program with an older glibc (Ubuntu 22.04's is 2.35)
# would not understand them.
PACKED := $(shell getconf GNU_LIBC_VERSION | awk '$$2 >= 2.36 { print "-C link-arg=-Wl,-z,pack-relative-relocs" }')

# The programs that live in a VM: static, so that any root file system can run them.
guest:
	RUSTFLAGS="-C target-feature=+crt-static $(PACKED)" cargo build --profile guest --target $(TARGET) -p anteroom-agent -p anteroom-demo

$(CLIS)/.package-lock.json: $(wildcard guest-image/recipes/npm/clis/*)
	mkdir -p $(@D) && cp $^ $(dir $(@D))
	cd $(dir $(@D)) && npm ci --loglevel=error --ignore-scripts --omit=optional --no-audit --no-fund
	@touch $@

$(PLAYERS): $(wildcard tests/players/*)
	mkdir -p $(@D) && cp $^ $(@D)
	cd $(@D) && npm ci --loglevel=error --ignore-scripts --no-audit --no-fund
	cd $(@D) && npx --no-install esbuild players.mjs --bundle --format=iife --global-name=players --log-level=warning --outfile=$(@F)

$(AXE): $(wildcard tests/axe/*)
	mkdir -p $(@D) && cp $^ $(@D)
	cd $(@D) && npm ci --loglevel=error --ignore-scripts --no-audit --no-fund && cp node_modules/axe-core/$(@F) .

$(SCHEMATHESIS): tests/schemathesis/requirements.txt
	rm -rf target/schemathesis && python3 -m venv target/schemathesis
	target/schemathesis/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

ANTEROOM ?= target/release/anteroom
images: ## the images that tests and `make run` use; costs nothing when they are there
	for profile in test dev cli-test cli-dev; do $(ANTEROOM) image build --profile $$profile || exit 1; done

web: $(WEB)/dist/index.html
$(WEB)/dist/index.html: $(shell find $(WEB) $(CLIENT)/src -path '*/node_modules' -prune -o -path '*/dist' -prune -o -type f -print 2>/dev/null)
	cd $(WEB) && npm ci --loglevel=error --omit=dev && npm run --silent build
	@touch $@

$(CLIENT)/dist/index.js: $(CLIENT)/package-lock.json $(shell find $(CLIENT)/src -type f)
	cd $(CLIENT) && npm ci --loglevel=error && npm run --silent build
	@touch $@

client: ## the description of the API and what is made of it, after a change of a route or a type
	ANTEROOM_TEST_RENEW=1 $(RUN_TESTS) the_file_of_the_description
	cd $(CLIENT) && npm ci --loglevel=error && npm run --silent generate

setup-build:
	@./setup.sh build

setup-test:
	@./setup.sh test

setup-bench:
	@./setup.sh bench

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 10
