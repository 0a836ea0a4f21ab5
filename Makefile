# What one types here. CI runs `make check` and nothing else.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

NAME    := actions-runner-manager
BIN     ?= bin/$(NAME)
DEMO    := bin/demo/$(NAME)
IMAGE   ?= $(NAME)
VERSION ?= $(or $(shell git describe --tags --always --dirty 2>/dev/null),dev)
COMMIT  ?= $(or $(shell git rev-parse HEAD 2>/dev/null),unknown)
FUZZTIME ?= 3s

# One static binary that says where it comes from, and not whose disk it was built on.
# The linker leaves out debugging information (-w), so the compiler makes none.
BUILD   := CGO_ENABLED=0 go build -trimpath -buildvcs=false -gcflags=all=-dwarf=false \
           -ldflags "-s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)"
# Without inlining (-l) it compiles in three quarters of the time: docs/performance.md.
BUILD_DEMO := $(BUILD) -gcflags='all=-dwarf=false -l'
TOOL    := go tool -modfile=$(CURDIR)/tools/go.mod
COUNT   := go -C $(CURDIR)/tools run ./testcount -C $(CURDIR)
# Committed, but written by `make docs`.
GENERATED := docs/reference.md

# The race detector also checks pointers, which takes a third of the tests' time in SQLite:
# C that was translated to Go, and does with pointers what C does.
RACE    := -race -gcflags=modernc.org/...=-d=checkptr=0

# GitHub's published API description and webhook examples, for the tests that
# hold us to them; without it they are skipped and say so.
GITHUB_CONTRACT_DIR ?= $(wildcard $(CURDIR)/.contract)
export GITHUB_CONTRACT_DIR

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: demo-build ## a simulated GitHub and the server against it; prints what to try
	@$(DEMO) demo $(ARGS)

.PHONY: demo-setup
demo-setup: demo-build ## the same without a GitHub App, which you create on /setup
	@$(DEMO) demo --setup $(ARGS)

.PHONY: demo-build
demo-build: # says so if it takes a while
	@[ -x $(DEMO) ] && [ -z "$$(find go.mod go.sum cmd commands config handlers internal server -type f ! -name '*_test.go' -newer $(DEMO))" ] || \
		echo "Building; the first time takes a few minutes …"
	@$(BUILD_DEMO) -o $(DEMO) ./cmd/$(NAME) && touch $(DEMO)

.PHONY: build
build: ## build bin/actions-runner-manager
	@$(BUILD) -o $(BIN) ./cmd/$(NAME)

.PHONY: test
test: ## run the tests; needs nothing but Go
	@{ go test -timeout 15m -json ./server ./... || true; } | $(COUNT) # which says whether it passed

.PHONY: check
check: tidy generated lint tools-test image-check fuzz test-memory bench-guard test-race ## all that CI checks; needs a C compiler for the race detector

.PHONY: tidy
tidy: # go.mod and go.sum hold what is used and nothing else
	@go mod tidy -diff

.PHONY: generated
generated: docs # what is generated is what is committed
	@git ls-files --error-unmatch $(GENERATED) >/dev/null
	@git diff --exit-code -- $(GENERATED) || { echo "make docs changed the files above: commit them"; exit 1; }

.PHONY: lint
lint: shellcheck ## vet, lint and check the formatting, of scripts too
	@go vet ./...
	@$(TOOL) golangci-lint run ./...
	@cd tools && go vet ./contract ./recording ./testcount && $(TOOL) golangci-lint run ./...

.PHONY: shellcheck
shellcheck: # every file of git that begins as a script of the shell
	@command -v shellcheck >/dev/null || { echo "SKIPPED: the scripts are not checked, because shellcheck is not installed" >&2; exit 0; }; \
	git ls-files -z | xargs -0 awk 'FNR == 1 && /^#!.*sh$$/ {print FILENAME} {nextfile}' | xargs shellcheck -S warning

.PHONY: fmt
fmt: ## format the sources
	@$(TOOL) golangci-lint fmt ./...

.PHONY: tools-test
tools-test: # the tests of our own small tools
	@go -C tools test ./testcount ./contract

.PHONY: fuzz
fuzz: ## run every fuzz test for FUZZTIME (3s)
	@grep -rHoE --include='*_test.go' --exclude-dir=tools '^func Fuzz\w+' . | sort | \
	while IFS=: read -r file func; do \
		echo "fuzz $$(dirname $$file) $${func#func } for $(FUZZTIME)"; \
		fuzz() { go test -run '^$$' -fuzz "^$${func#func }\$$" -fuzztime $(FUZZTIME) "$$(dirname $$file)" </dev/null; }; \
		fuzz || { [ -z "$$(git status --porcelain -- "$$(dirname $$file)/testdata/fuzz")" ] && \
			echo "no input failed, so go test itself was late; once more" && fuzz; } || exit 1; \
	done

.PHONY: test-memory
test-memory: # what would measure the race detector if it ran under it
	@go test -count=1 -run '^TestThreatMemory$$' ./server

.PHONY: bench-guard
bench-guard: ## compare what the main commands take with committed figures (10 s)
	@go test -count=1 -run '^TestBenchGuard$$' ./server

.PHONY: test-race
test-race: ## run the tests with the race detector; server takes longest, so it begins
	@{ go test $(RACE) -timeout 15m -json ./server ./... || true; } | $(COUNT) go test $(RACE) # which says whether it passed

.PHONY: docs
docs: ## write what is generated: docs/reference.md
	@go generate ./...

.PHONY: bench
bench: ## measure what commands, webhooks and size cost; writes docs/performance.md and docs/scale.md (9 min)
	@BENCH_DOC=$(CURDIR)/docs/performance.md go test -run '^$$' -bench '^Benchmark(Server|Fleet|Start)$$' -benchtime 1x -timeout 15m ./server
	@BENCH_DOC=$(CURDIR)/docs/scale.md go test -run '^$$' -bench '^BenchmarkScale$$' -benchtime 1x -timeout 15m ./server

.PHONY: bench-compare
bench-compare: ## the same beside an earlier commit, in one run: make bench-compare BEFORE=COMMIT
	@test -n "$(BEFORE)" || { echo "say beside which commit: make bench-compare BEFORE=COMMIT" >&2; exit 2; }
	@before=$$(mktemp -d); trap 'git worktree remove --force "$$before/tree"; rm -rf "$$before"' EXIT; \
	git worktree add --quiet --detach "$$before/tree" "$(BEFORE)"; \
	go -C "$$before/tree" test -c -o "$$before/server.test" ./server; \
	BENCH_DOC=$(CURDIR)/docs/performance.md BENCH_BEFORE="$$before/server.test" BENCH_BEFORE_NAME="$(BEFORE)" \
		go test -run '^$$' -bench '^BenchmarkCompare$$' -benchtime 1x -timeout 15m ./server

.PHONY: contract
contract: ## get GitHub's API description and webhook examples for the tests, into .contract/
	@tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; cd "$$tmp"; \
	npm pack --silent @octokit/openapi@23.0.2 @octokit/webhooks-examples@7.6.1 >/dev/null; \
	tar xzf octokit-openapi-23.0.2.tgz package/generated/api.github.com.json; \
	tar xzf octokit-webhooks-examples-7.6.1.tgz package/api.github.com/index.json; \
	go -C $(CURDIR)/tools run ./contract "$$tmp/package/generated/api.github.com.json" \
		"$$tmp/package/api.github.com/index.json" $(CURDIR)/.contract
	@echo "the contract is in .contract/"

.PHONY: image
image: ## build the container image (needs docker)
	docker build --build-arg VERSION=$(VERSION) --build-arg COMMIT=$(COMMIT) -t $(IMAGE):$(VERSION) .

.PHONY: image-check
image-check: ## build and run the binary as the image does, without docker
	@VERSION=$(VERSION) COMMIT=$(COMMIT) tools/image-check

.PHONY: deploy-check
deploy-check: build ## render and check the Helm chart, the dashboard, the alerts and the recipes
	@go -C tools/chartcheck vet .
	@go -C tools/chartcheck run . -server $(CURDIR)/$(BIN)

.PHONY: pages
pages: build ## open every page in Chromium, and use the console: axe-core, complaints, other hosts (needs npm)
	@npm ci --silent --prefix tools/pages
	@node tools/pages/main.js $(PAGES)

.PHONY: prism
prism: build ## call every command through Prism, which validates calls and answers against /openapi.json (needs npm)
	@command -v npm >/dev/null || { echo "SKIPPED: the calls through Prism need npm" >&2; exit 0; }; \
	npm ci --silent --ignore-scripts --prefix tools/prism && node tools/prism/main.js

.PHONY: screenshots
screenshots: ## the same, and make the pictures that the README shows
	@$(MAKE) --no-print-directory pages VERSION=dev PAGES="--readme docs/img"

.PHONY: recording
recording: build ## draw docs/img/demo.svg, a comment in the demo and its reply
	@go -C tools run ./recording -server $(CURDIR)/$(BIN) -out $(CURDIR)/docs/img/demo.svg

.PHONY: workflows-check
workflows-check: ## check the GitHub workflows and the examples of contrib
	@go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 .github/workflows/*.yml contrib/examples/*.yml

.PHONY: clean
clean: ## remove what was built
	@rm -rf bin .contract cover.out
