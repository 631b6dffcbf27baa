# Everything here is a thin name for a command. What a target needs (Debian packages as root, the control plane's binaries) is
# installed and built on the way; see CONTRIBUTING.md for the variables.

CARGO ?= cargo
DEVCLUSTER = $(CARGO) run -q -p tombolo-harness --bin devcluster --
# End-to-end tests wait more than they compute, so there may be more of them than cores, but each has a process to watch.
export RUST_TEST_THREADS ?= 4

.DEFAULT_GOAL := help
.PHONY: help demo test bench cluster cluster-down prepare generate lint fmt

help: ## show this text
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
		printf '  make %-14s %s\n' "$$name" "$$text"; done

demo: prepare ## see it work, on a real control plane and a real NFS server; KEEP=1 leaves them running
	$(CARGO) build -p tombolo -p tombolo-filer --bins
	@$(CARGO) run -q -p tombolo-harness --bin demo

test: prepare ## run every test there is
	$(CARGO) test --workspace --no-fail-fast

bench: prepare ## measure, and print a table
	$(CARGO) run -q --release -p tombolo-harness --bin bench

cluster: ## start (or use) the development cluster, and print how to use it
	@$(DEVCLUSTER) up

cluster-down: ## end the development cluster and remove its data
	@$(DEVCLUSTER) down

prepare: ## install packages and build the control plane
	$(DEVCLUSTER) prepare

generate: ## write the CRDs from the types
	$(CARGO) run -q -- crd --out crds

lint: ## what must be clean before a commit
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

fmt: ## format all code
	$(CARGO) fmt --all
