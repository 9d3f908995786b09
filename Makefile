# SPDX-License-Identifier: Apache-2.0
# A thin front of Meson and the scripts in tools/. `make help` lists the targets.
SHELL := /bin/bash
BUILD ?= build
export PATH := $(if $(wildcard .cache/node/bin/node),$(CURDIR)/.cache/node/bin:)$(PATH)
web_inputs := $(shell find web/src web/public web/index.html web/package.json web/package-lock.json web/vite.config.ts web/tsconfig.json -type f 2>/dev/null)
.DEFAULT_GOAL := help
.PHONY: help run all test check bench fuzz asan tsan lint format dist clean setup web

help: ## this list
	@awk -F':.*## ' '/^[a-z]+:.*## /{sub(/:.*/,"",$$1); printf "  make %-8s %s\n", $$1, $$2}' Makefile

run: all ## set up what is missing, build, start the product
	@exec $(BUILD)/tatara serve --welcome $(ARGS)

all: setup web ## build the binary
	@tools/build $(BUILD)

setup:
	@tools/setup run

web: setup .cache/web.stamp
.cache/web.stamp: $(web_inputs)
	@tools/build-web

test: ## every test; ends with "N passed, N failed"
	@tools/setup test
	@$(MAKE) --no-print-directory all
	@tools/test

check: all ## unit and component tests only
	@tools/test unit component

bench: all ## speed and memory: prints a table, writes bench/out/
	@tools/setup test
	@bench/run

fuzz: ## run each fuzzer for a while (FUZZ_SECONDS, default 30)
	@tools/setup test
	@tools/fuzz

asan: setup web ## unit and component tests under ASan and UBSan
	@tools/setup test
	@tools/test-sanitized address,undefined

tsan: setup web ## tests with threads under TSan
	@tools/setup test
	@tools/test-sanitized thread

lint: setup web ## layers, headers, banned calls, warnings of gcc and clang, documents
	@tools/setup test
	@tools/lint

format: ## clang-format over the C sources
	@clang-format -i $$(git ls-files 'src/*.c' 'src/*.h' 'test/*.c' 'bench/*.c')

dist: setup web ## reproducible tarball in dist/
	@tools/dist

clean: ## remove what was built (not what was fetched)
	@rm -rf build build-* dist web/dist bench/out
