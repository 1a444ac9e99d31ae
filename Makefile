# LabKV. `make` lists the targets.

include course.mk

.PHONY: check test race handout lint-handout mutants variants bench-kv bench pages proto

check: ## a first look, in a minute: format, build, vet, a few seeds of each graded test
	@$(MAKE) --no-print-directory gofmt
	$(GO) build ./...
	$(GO) vet ./...
	$(GO) test ./internal/... ./kv/region ./lab/course ./lab/check ./lab/graded ./proto
	$(LAB) test --quick

# Tests that need a C compiler: of the engine on disk, of programs that have it, and of the
# sandbox, which is another where threads are C's. lab/grade takes longest, so it starts first.
IN_C = $(addprefix $(shell $(GO) list -m)/,lab/grade lab/diagnose $(sort $(patsubst ./%/,%,$(dir $(shell \
	grep -rlE --include='*_test.go' --exclude-dir=out '^//go:build (.* )?cgo\b' .)))))
FEW_SEEDS = $(addprefix $(shell $(GO) list -m)/,kv/raftstore kv/server kv/transaction raft scheduler)

# The tests of lab/grade run graded tests with all seeds, so that their own packages need not.
# They build the tree, handouts and submissions, which have most packages in common with one
# another and with the other tests: with -trimpath, and without cgo, these are compiled once.
# Tables for debuggers take a third of the linker's time. Simulations, and compilers, make much
# garbage and keep little. Some tests mostly wait, for processes and disks; so one more than
# usual runs at a time.
test: export GOFLAGS = $(shell $(GO) env GOFLAGS) -trimpath -ldflags=-w
test: export GOGC = 400
test: AT_A_TIME = -p $$(($$(getconf _NPROCESSORS_ONLN) + 1))
test: ## run the complete test suite
	CGO_ENABLED=0 LABKV_SEEDS=1 $(GO) test -timeout 25m $(FEW_SEEDS)
	CGO_ENABLED=0 $(GO) test -timeout 25m $(AT_A_TIME) $(filter-out $(FEW_SEEDS) $(IN_C),$(shell $(GO) list ./...))
	CGO_ENABLED=1 $(GO) test -timeout 25m $(AT_A_TIME) $(IN_C)
	cd lab/web && CGO_ENABLED=1 $(GO) test -timeout 25m ./...

# The packages that start goroutines, outside of the simulator.
CONCURRENT := ./cmd/labkv-ctl ./kv/client ./kv/engine/memory ./kv/raftstore/snapdir ./kv/raftstore/transport \
	./kv/server/... ./kv/storage/... ./lab/await ./lab/cluster ./lab/watch ./scheduler/client ./scheduler/server ./scheduler/status

race: ## test what runs concurrently with the race detector
	CGO_ENABLED=1 $(GO) test -race -timeout 15m $(CONCURRENT)

handout: ## [DIR=... ANSWERS=yes] write the repository that students start from
	@$(if $(DIR),,$(error say where to write it: make handout DIR=../handout))
	$(LAB) handout "$(DIR)" $(if $(ANSWERS),--with-answers)

lint: lint-pages
.PHONY: lint-pages
lint-pages:
	cd lab/web && $(GO) vet ./... && $(GO) run ./bundle -check

lint-handout: ## lint what students start from: what they have not written yet is no mistake
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && $(GO) run ./cmd/lab handout "$$dir/handout" && \
		$(MAKE) --no-print-directory -C "$$dir/handout" lint

mutants: ## [STAGE=...] run the wrong solutions; all of them write doc/what-the-tests-catch.md
	$(LAB) mutants $(if $(STAGE),$(STAGE),--markdown doc/what-the-tests-catch.md)

variants: ## [VARIANT=...] run right solutions of another shape
	$(LAB) variants $(VARIANT)

bench: ## [COUNT=...] run the benchmarks, in the format of benchstat
	$(GO) test -run '^$$' -bench . -benchmem -count $(or $(COUNT),1) ./...

bench-kv: ## measure a real cluster, and etcd beside it
	$(GO) run ./scripts/bench-kv

pages: ## bundle the pages of lab/web/src again
	cd lab/web && $(GO) run ./bundle

proto: ## generate the Go of proto/ again
	$(GO) generate ./proto
