# `make help` lists the targets. Go alone is enough for run, test, build, bench and fuzz;
# test-race needs a C compiler, test-clients Node.js and Python, lint-deploy Debian's packages, conformance needs
# Node.js and the official suite.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
TOOL := go tool -modfile=tools/go.mod
FUZZTIME ?= 1m

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/acquis, one static binary
	CGO_ENABLED=0 go build -trimpath -o bin/acquis ./cmd/acquis

.PHONY: run
run: build ## Build and start Acquis with the demo campus on http://127.0.0.1:8080
	bin/acquis serve --demo

.PHONY: test
test: ## Run all tests
	go test -timeout 30m ./...

.PHONY: test-race
test-race: ## Run all tests under the race detector
	go test -race -timeout 30m ./...

.PHONY: test-ferretdb
test-ferretdb: ## Test the MongoDB stand-in that the tests run on (deploy/ferretdb)
	cd deploy/ferretdb && go vet ./... && go test ./...

.PHONY: test-clients
test-clients: ## Run the examples of docs/partners.md with real clients; needs Node.js, npm, Python 3 and curl
	npm --prefix tools/clients ci --ignore-scripts --no-audit --no-fund --loglevel=error
	go test -tags clients -count=1 -run '^TestClients$$' ./cmd/acquis

.PHONY: lint
lint: ## Check formatting, go vet, staticcheck, who imports whom, changelog fragments
	.ci/formatting
	go vet -tags clients ./...
	$(TOOL) staticcheck -tags clients ./...
	go test -count=1 -run '^TestArchitecture' .
	.ci/changelog-fragments

.PHONY: lint-deploy
lint-deploy: ## Check deploy with HAProxy, promtool, systemd, and the types of Kubernetes and Compose
	.ci/deploy-checks

.PHONY: bench
bench: build ## Measure Acquis on a store of its own, made for it and thrown away
	tools/with-acquis tools/bench.sh

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (1m)
	tools/fuzz.sh $(FUZZTIME)

.PHONY: conformance
conformance: build ## Run the official xAPI suite in SUITE=DIR against both versions, on both stores (docs/conformance.md)
	tools/conformance.sh "$(SUITE)"
	tools/conformance.sh --mongo "$(SUITE)"
