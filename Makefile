# The index of habits. `make` alone lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: help try demo test crash bench bench-cluster crds reference lint audit cargo-deny fmt

CARGO_DENY := 0.20.2
ROLLCALL := $(or $(CARGO_TARGET_DIR),target)/release/rollcall

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

try: ## build, apply the example roster to a fresh embedded directory and show its members
	cargo build --release --locked
	@folder=$$(mktemp -d); export ROLLCALL_DIRECTORY="sqlite:$$folder/rollcall.db"; \
	$(ROLLCALL) apply -f examples/acme --yes || (( $$? == 1 )); \
	$(ROLLCALL) get members -A; \
	printf '%s\n' '' \
		"The directory is $$folder/rollcall.db; it is yours to play with and to delete. To go on:" '' \
		"  export ROLLCALL_DIRECTORY=$$ROLLCALL_DIRECTORY PATH=$(abspath $(dir $(ROLLCALL))):\$$PATH" \
		"  rollcall plan -f examples/acme --at 2030-03-05     what time will have done by then" \
		"  rollcall describe member minji -n acme             everything about one person" \
		"  rollcall history                                   how it came about" '' \
		"examples/README.md has more to try."

demo: ## start a control plane and the operator, apply the example roster with kubectl; Ctrl-C ends it
	cargo build --release --locked
	KUBEBUILDER_ASSETS=$$(tools/build.sh) cargo run --release --locked --quiet --example demo

# The tests of the documentation first, so that the last summary is that of the rules.
test: ## run every test, on SQLite and on a PostgreSQL of its own
	cargo test --locked --doc
	KUBEBUILDER_ASSETS=$$(tools/build.sh) tests/with-postgres.sh cargo test --locked --no-fail-fast --lib --bins --tests

crash: ## kill an apply of 10,000 members 20 times, on both databases, and compare with one that was not killed
	ROLLCALL_CRASH_MEMBERS=10000 ROLLCALL_CRASH_KILLS=20 tests/with-postgres.sh cargo test --release --locked --test crash

bench: ## measure, on SQLite and on a PostgreSQL of its own
	tests/with-postgres.sh cargo bench --locked --no-fail-fast --bench directory --bench passwords

bench-cluster: ## measure the operator on a real control plane and PostgreSQL; about 15 minutes
	KUBEBUILDER_ASSETS=$$(tools/build.sh) tests/with-postgres.sh cargo bench --locked --bench cluster

WRITE_CRDS := cargo run --quiet --locked -- crds --out
CRDS := crds charts/rollcall/files/crds
crds: ## write the CRDs into crds/ and the chart, from the types in src/api
	for folder in $(CRDS); do $(WRITE_CRDS) $$folder; done

WRITE_REFERENCE := cargo run --quiet --locked -- reference --out
reference: ## write the reference into docs/reference/, from the code, and docs/rules.md, from the tests
	$(WRITE_REFERENCE) docs/reference
	ROLLCALL_WRITE=1 cargo test --quiet --locked --test table

lint: cargo-deny ## check formatting, clippy, licenses and origins of dependencies, and that what is generated is up to date
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings
	cargo deny --locked check bans licenses sources
	@folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; $(WRITE_CRDS) "$$folder"; \
	for crds in $(CRDS); do \
		diff --recursive --unified $$crds "$$folder" || { echo "$$crds differs from the types in src/api: run 'make crds'" >&2; exit 1; }; \
	done
	@folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; $(WRITE_REFERENCE) "$$folder"; \
	diff --recursive --unified docs/reference "$$folder" || { echo "docs/reference differs from the code: run 'make reference'" >&2; exit 1; }
	cargo test --quiet --locked --test table

audit: cargo-deny ## look for known vulnerabilities in dependencies; needs the network
	cargo deny --locked check advisories

cargo-deny:
	@command -v cargo-deny >/dev/null || cargo install --locked cargo-deny --version $(CARGO_DENY)

fmt: ## format the source
	cargo fmt
