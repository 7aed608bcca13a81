# SPDX-License-Identifier: Apache-2.0
# The menu. Each entry is one script under hack/, usable alone.
.DEFAULT_GOAL := help
.PHONY: help deps build test soak fuzz demo kube-demo lint bench up down clean

SUITE ?= all
RUN_DIR ?= $(CURDIR)/build/run

help: ## Show this menu
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  suites: make test SUITE=$$(hack/test --list | paste -sd'|')"

deps: ## Install what is missing of the Debian packages (root or sudo)
	@hack/install-deps

build: deps ## Build build/release/bin/salve
	@hack/build release salve

test: deps ## Run the suites, or one: make test SUITE=docker
	@hack/test $(SUITE)

soak: build ## Kill Salve 200 times in a storm over 20 containers (half an hour)
	@SALVE_E2E_KILLS=200 SALVE=$(CURDIR)/build/release/bin/salve test/e2e/run.sh "random moments"

fuzz: deps ## Fuzz streams and journals that others may have written (ten minutes)
	@SALVE_FUZZ_SECONDS=$${SALVE_FUZZ_SECONDS:-600} hack/test fuzz

demo: build ## Break a real Redis and a real PostgreSQL and watch Salve heal them
	@hack/demo $(RUN_DIR)/demo

kube-demo: build ## Break a release on a real Kubernetes and watch Salve undo it (minutes, once)
	@hack/kube-demo $(RUN_DIR)/kube-demo

lint: ## Format, static analysis, layering, CRD freshness, licence headers, shell
	@hack/install-deps --lint
	@hack/verify-all

bench: build ## Measure speed and size; writes docs/benchmarks.md
	@hack/bench

up: build ## Start the demo services and salve standalone in the background
	@hack/up $(RUN_DIR)/up

down: ## Stop what `make up` started
	@hack/down $(RUN_DIR)/up

clean: ## Remove build output
	@rm -rf build
