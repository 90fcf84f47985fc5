# Each target does all the set-up it needs: Debian packages, Kubo and Helia to test against, checking tools.
# `make` alone says what there is. Built tools are kept in .cache (or SHOAL_CACHE).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test bench lint types tools audit packages

export SHOAL_CACHE ?= $(CURDIR)/.cache
# One set of features for lints and tests, so that both compile the same crates.
HEADLESS := --workspace --no-default-features --locked
TARGET := $(or $(CARGO_TARGET_DIR),target)

help: ## list the targets
	@echo 'Shoal: share files straight from your computer'
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

run: ## build Shoal and take a short tour of it
	@tests/tools/packages.sh
	@cargo build --quiet --locked --no-default-features
	@tests/tools/tour.sh "$(TARGET)/debug/shoal"

test: lint tools ## every check: format, lints, tests with Kubo and Helia, dependencies
	cargo test $(HEADLESS) --no-run
	tests/tools/audit.sh
	cargo test $(HEADLESS) --no-fail-fast

bench: packages ## measure Shoal beside raw limits and Kubo (15 minutes; ROWS="one-seed tree" for single rows)
	@tests/tools/kubo.sh
	@cargo bench --quiet --no-default-features --locked --bench speed -- $(ROWS)

lint: packages ## format and lints only
	cargo fmt --all --check
	cargo clippy $(HEADLESS) --all-targets -- -D warnings

types: ## write the window's types from the engine's
	SHOAL_WRITE_TYPES=1 cargo test --quiet --no-default-features --locked -p shoal --lib typescript

tools: packages ## Kubo and Helia for the tests
	tests/tools/kubo.sh
	tests/tools/helia.sh

audit: packages ## known vulnerabilities, licences and sources of the dependencies
	tests/tools/audit.sh

packages: ## what the tests need and Debian has
	@tests/tools/packages.sh
