# LabKV. `make` lists the targets.

include course.mk

.PHONY: test handout mutants bench-kv bench proto

test: ## run the complete test suite
	CGO_ENABLED=1 $(GO) test -timeout 25m ./...

handout: ## [DIR=... ANSWERS=yes] write the repository that students start from
	@$(if $(DIR),,$(error say where to write it: make handout DIR=../handout))
	$(LAB) handout "$(DIR)" $(if $(ANSWERS),--with-answers)

mutants: ## [STAGE=...] run the catalog of wrong solutions
	$(LAB) mutants $(STAGE)

bench: ## [COUNT=...] run the benchmarks, in the format of benchstat
	$(GO) test -run '^$$' -bench . -benchmem -count $(or $(COUNT),1) ./...

bench-kv: ## measure a real cluster, and etcd beside it
	$(GO) run ./scripts/bench-kv

proto: ## generate the Go of proto/ again
	$(GO) generate ./proto
