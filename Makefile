# Each target does all the set-up it needs: Debian packages, the pages' tools, Kubo and Helia to test against, checking
# tools. `make` alone says what there is. Built tools are kept in .cache (or SHOAL_CACHE).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test faults kills soak siege fuzz bench lint map tools audit packages ui format window package

export SHOAL_CACHE ?= $(CURDIR)/.cache
# Lints come with the compilation: Clippy's driver is a compiler that lints what is this workspace's own. And the program is
# compiled without its window for most tests, with it for the window's own, but with the same crates of others (see the
# dev-dependencies). So those are compiled once, for lints, tests and window alike; but only while the whole workspace is named.
LINTED := RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-Dwarnings cargo
HEADLESS := --workspace --no-default-features --locked
WINDOWED := --workspace --locked
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
# The program with its window, out of the way of the one without.
WINDOW := $(TARGET)/window/shoal

help: ## list the targets
	@echo 'Shoal: share files straight from your computer'
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

run: ## build Shoal and open its window (without a display: a short tour of the commands)
	@tests/tools/run.sh "$(TARGET)" "$(WINDOW)"

test: lint tools ## every check: format, lints, pages, window, tests with Kubo and Helia, dependencies
	cd ui && npm test && npm run test:browser
	$(LINTED) test $(WINDOWED) --lib --no-fail-fast
	SHOAL_TEST_WINDOW="$(WINDOW)" $(LINTED) test $(HEADLESS) --bins --examples --test '*' --no-fail-fast
	$(LINTED) test $(HEADLESS) --doc
	tests/tools/audit.sh

faults: lint ## every call to the disk fails once, and is once the last (ten minutes; `make test` takes a sample)
	SHOAL_FAULTS=all $(LINTED) test $(HEADLESS) --bins --test it -- --nocapture faults::

kills: lint ## a fetch, a share, an update, a removal, killed at a thousand random moments (half an hour; `make test` takes a sample)
	SHOAL_KILLS=1000 $(LINTED) test $(HEADLESS) --bins --test it -- --nocapture kills::

soak: lint ## a day of people who come and go, after which memory, handles and threads are what they were (HOURS=24; a sample in `make test`)
	SHOAL_SOAK=$(or $(HOURS),24) $(LINTED) test $(HEADLESS) --bins --test it -- --nocapture soak::

# Of the program as people have it: how much of its time strangers take depends on how fast it is.
siege: lint tools ## strangers do all the harm they can while honest peers transfer, as a table (half an hour; `make test` takes a short form)
	cargo build --release --no-default-features --locked
	SHOAL_SIEGE=all SHOAL_TEST_PROGRAM="$(TARGET)/release/shoal" $(LINTED) test $(HEADLESS) --bins --test it -- --nocapture --test-threads=1 siege::

fuzz: ## a minute of random input for each decoder (FUZZ_SECONDS=600 for longer, TARGETS="car links" for single ones)
	@tests/tools/fuzz.sh "$(TARGET)" $(TARGETS)

bench: ui ## measure Shoal beside raw limits and Kubo (15 minutes; ROWS="one-seed tree" for single rows)
	@tests/tools/kubo.sh
	@tests/tools/window.sh "$(TARGET)" "$(WINDOW)-release" release
	@SHOAL_TEST_WINDOW="$(WINDOW)-release" cargo bench --quiet --no-default-features --locked --bench speed -- $(ROWS)

lint: format window ## format and lints only; compiles what the tests take
	$(LINTED) test $(HEADLESS) --all-targets --no-run

format: ui ## format, and what the pages' own tools find
	cargo fmt --all --check
	cd ui && npm run check && npm run lint

map: ## print the module graph: rooms and who imports whom, cycles, sizes (TREE=path looks at another checkout)
	@cargo run --quiet --locked --package architecture -- "$(or $(TREE),.)"

types: ## write the window's types from the engine's
	SHOAL_WRITE_TYPES=1 $(LINTED) test --quiet $(HEADLESS) --lib typescript

tools: packages ## Kubo and Helia for the tests
	tests/tools/kubo.sh
	tests/tools/helia.sh

audit: packages ## licences, sources and known vulnerabilities of the dependencies
	tests/tools/audit.sh

ui: packages ## the pages of the window
	tests/tools/ui.sh build

window: ui ## the program with its window, as the tests take it
	$(LINTED) test $(WINDOWED) --lib --test it --no-run
	install -D "$(TARGET)/debug/shoal" "$(WINDOW)"

package: packages ## deb and rpm; as root on Debian they are tried out too, and removed again
	tests/tools/package.sh
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    tests/tools/package-check.sh "$(TARGET)"/release/bundle/deb/*.deb "$(TARGET)"/release/bundle/rpm/*.rpm; \
	fi

packages: ## what the tests need and Debian has
	@tests/tools/packages.sh
