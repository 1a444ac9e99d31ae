# What a student and an author of the course both do. The Makefile includes it.

GO   ?= go
# Built and then run, as go run would hide its exit code; in the place of the shell, so
# that a signal to the recipe reaches it.
LAB  := $(GO) build -o out/ ./cmd/lab && exec out/lab
TOOL := $(GO) tool -modfile=tools/go.mod

# What `project…` can be followed by: stages, and the projects and parts that
# contain them.
STAGES   := 1 2 2a 2aa 2ab 2ac 2b 2c 3 3a 3b 3c 4 4a 4b 4c
PROJECTS := $(addprefix project,$(STAGES))

.DEFAULT_GOAL := help
.PHONY: help projects $(PROJECTS) status replay playground cluster soak lint

help: ## print this list
	@$(if $(INTRODUCTION),printf '%s\n\n' "$(INTRODUCTION)")
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { \
		argument = match($$2, /^\[[^]]*\] /) ? " " substr($$2, 2, RLENGTH - 3) : ""; \
		sub(/^\[[^]]*\] /, "", $$2); \
		printf "  %-26s %s\n", $$1 argument, $$2 }' course.mk $(firstword $(MAKEFILE_LIST))

project1:   ## grade project 1, a standalone key-value store
project2:   ## grade project 2, a replicated store
project2a:  ## grade 2a, Raft
project2aa: ## grade 2aa, leader election
project2ab: ## grade 2ab, log replication
project2ac: ## grade 2ac, RawNode
project2b:  ## grade 2b, a fault-tolerant store
project2c:  ## grade 2c, log compaction and snapshots
project3:   ## grade project 3, a store that changes its shape
project3a:  ## grade 3a, leadership transfer and membership change
project3b:  ## grade 3b, regions that split, move and die
project3c:  ## grade 3c, a scheduler
project4:   ## grade project 4, transactions
project4a:  ## grade 4a, versions, locks and records
project4b:  ## grade 4b, get, prewrite, commit
project4c:  ## grade 4c, scan, check, roll back, resolve
projects:   ## grade everything and print the score board

$(PROJECTS): project%:
	$(LAB) test $*

projects:
	$(LAB) test

status: ## show what is written, what passes with a few seeds, and what comes next
	$(LAB) status

replay: ## [TEST=... SEED=...] run one graded test again
	@$(if $(TEST),,$(error say which test: make replay TEST=TestElection2AA SEED=17))
	$(LAB) replay "$(TEST)" $(if $(SEED),--seed "$(SEED)")

playground: ## write your Raft as a page to play with: out/playground.html
	$(LAB) play raft --out out/playground.html

cluster: ## [DIR=...] run three stores on this machine, until Ctrl-C
	$(LAB) cluster $(if $(DIR),--dir "$(DIR)")

soak: ## [FOR=... SEED=...] kill processes of a real cluster under load, check what clients saw
	$(GO) run ./scripts/soak $(if $(FOR),--for "$(FOR)") $(if $(SEED),--seed "$(SEED)")

# Packages in which functions are still to be written. Much in them has no use yet, or
# stands after a call that does not return.
BUT_UNUSED := inherit,-U1000,-SA4006
UNFINISHED = $(addprefix $(shell $(GO) list -m)/,$(sort $(patsubst ./%/,%,$(dir $(shell \
	grep -rlE --include='*.go' --exclude='*_test.go' --exclude-dir=lab --exclude-dir=out 'TODO\([0-9]+[A-Z]*\): implement ' .)))))

.PHONY: gofmt
gofmt:
	@files=$$(gofmt -l .) || exit 1; \
	if [ -n "$$files" ]; then printf 'not formatted; run gofmt -w on:\n%s\n' "$$files"; exit 1; fi

lint: gofmt ## check with gofmt, go vet and staticcheck
	$(GO) vet ./...
	@echo $(TOOL) staticcheck ./...
	@$(TOOL) staticcheck $(filter-out $(UNFINISHED),$(shell $(GO) list ./...))
	@$(if $(UNFINISHED),$(TOOL) staticcheck -checks $(BUT_UNUSED) $(UNFINISHED))
