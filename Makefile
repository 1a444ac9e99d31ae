# LabKV. `make` lists the targets.

GO   ?= go
# Built and then run, as go run would hide its exit code.
LAB  := $(GO) build -o out/ ./cmd/lab && out/lab
TOOL := $(GO) tool -modfile=tools/go.mod

# What `project…` can be followed by: stages, and the projects and parts that
# contain them.
STAGES   := 1 2 2a 2aa 2ab 2ac 2b 2c 3 3a
PROJECTS := $(addprefix project,$(STAGES))

.DEFAULT_GOAL := help
.PHONY: help projects $(PROJECTS) check test race handout replay mutants soak cluster bench-kv bench lint proto

help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { \
		argument = match($$2, /^\[[^]]*\] /) ? " " substr($$2, 2, RLENGTH - 3) : ""; \
		sub(/^\[[^]]*\] /, "", $$2); \
		printf "  %-26s %s\n", $$1 argument, $$2 }' $(firstword $(MAKEFILE_LIST))

project1:   ## grade project 1, a standalone key-value store
project2:   ## grade project 2, a replicated store (what exists of it)
project2a:  ## grade 2a, Raft
project2aa: ## grade 2aa, leader election
project2ab: ## grade 2ab, log replication
project2ac: ## grade 2ac, RawNode
project2b:  ## grade 2b, a fault-tolerant store
project2c:  ## grade 2c, log compaction and snapshots
project3:   ## grade project 3, many regions (what exists of it)
project3a:  ## grade 3a, leadership transfer and membership change
projects:   ## grade everything and print the score board

$(PROJECTS): project%:
	$(LAB) test $*

projects:
	$(LAB) test

replay: ## [TEST=... SEED=...] run one graded test again
	@$(if $(TEST),,$(error say which test: make replay TEST=TestElection2AA SEED=17))
	$(LAB) replay "$(TEST)" $(if $(SEED),--seed "$(SEED)")

handout: ## [DIR=...] write the repository that students start from
	@$(if $(DIR),,$(error say where to write it: make handout DIR=../handout))
	$(LAB) handout "$(DIR)"

mutants: ## [STAGE=...] run the catalog of wrong solutions
	$(LAB) mutants $(STAGE)

check: ## a first look, in a minute: format, build, vet, a few seeds of each graded test
	@$(MAKE) --no-print-directory gofmt
	$(GO) build ./...
	$(GO) vet ./...
	$(GO) test ./internal/... ./kv/region ./lab/course ./lab/check ./lab/graded ./proto
	$(LAB) test --quick

test: ## run the complete test suite
	CGO_ENABLED=1 $(GO) test -timeout 25m ./...

# The packages that start goroutines, outside of the simulator.
CONCURRENT := ./cmd/labkv-ctl ./kv/client ./kv/engine/memory ./kv/raftstore/snapdir ./kv/raftstore/transport \
	./kv/server/... ./kv/storage/... ./lab/await ./lab/cluster ./lab/watch

race: ## test what runs concurrently with the race detector
	CGO_ENABLED=1 $(GO) test -race -timeout 15m $(CONCURRENT)

soak: ## [FOR=... SEED=...] kill stores of a real cluster under load, and check what clients saw
	$(GO) run ./scripts/soak $(if $(FOR),--for "$(FOR)") $(if $(SEED),--seed "$(SEED)")

cluster: ## [DIR=...] run three stores on this machine, until Ctrl-C
	$(LAB) cluster $(if $(DIR),--dir "$(DIR)")

bench-kv: ## measure a real cluster, and etcd beside it
	$(GO) run ./scripts/bench-kv

bench: ## [COUNT=...] run the benchmarks, in the format of benchstat
	$(GO) test -run '^$$' -bench . -benchmem -count $(or $(COUNT),1) ./...

.PHONY: gofmt
gofmt:
	@files=$$(gofmt -l .) || exit 1; \
	if [ -n "$$files" ]; then printf 'not formatted; run gofmt -w on:\n%s\n' "$$files"; exit 1; fi

lint: gofmt ## check with gofmt, go vet and staticcheck
	$(GO) vet ./...
	$(TOOL) staticcheck ./...

proto: ## generate the Go of proto/ again
	$(GO) generate ./proto
