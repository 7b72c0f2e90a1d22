# The interface to everything here. `make help` lists the targets.

CARGO ?= cargo
PYTHON ?= python3
# The rules below, and the scripts that they run, always build into `target` and look there, whatever CARGO_TARGET_DIR or cargo's
# build.target-dir says. If you run cargo yourself with another target directory, set SPANTLS_LIB for the scripts.
IN_TARGET = --target-dir target
LIB = target/release/libspantls.so
# The ABI is read from the library as the tests have it, its own types described in full. A test beside it makes cargo take the
# dependencies that are compiled for `test-rust` already.
ABI_LIB = target/debug/libspantls.so
DESCRIBED = --lib --test thread_exit --config 'profile.dev.package.spantls.debug=2'
# A build of its own, so that target/release stays what `make build` has made.
AWS_LC_DIR = target/aws-lc
AWS_LC = --no-default-features --features aws-lc-rs,encrypted-keys --target-dir $(AWS_LC_DIR)

# Where `make install` puts things; DESTDIR comes before all of it, for packagers.
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR ?= $(PREFIX)/share
EXAMPLESDIR = $(DATADIR)/doc/spantls/examples
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
# The numbers alone, for the file's name (as cargo-c has it): 1.0.0 of 1.0.0-rc.1.
RELEASE = $(firstword $(subst -, ,$(VERSION)))
INSTALL ?= install

# Tools below that look for a make above them do not find their place in it.
unexport MAKEFLAGS MFLAGS


.PHONY: help proof bogo test-bogo interop fuzz fuzz-coverage fuzz-seeds differential chains bounds bench-python test-dotnet nupkg bench-dotnet build examples demo test test-quick test-examples test-rust test-rust-quick test-ffi test-c test-peers test-aws-lc test-server soak soak-transport abi-lib abi-check abi-bless test-kernel test-models models test-tsan audit lint fmt header header-check bindings bindings-check bench bench-handshake test-instructions instructions-bless test-valgrind bench-load bench-peers install uninstall test-package test-cargo-c docs test-docs test-scenarios clean wheel test-python test-c-quick test-peers-quick

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## the shared and the static library, in target/release
	$(CARGO) build --release $(IN_TARGET)
	@ln -sf libspantls.so target/release/libspantls.so.1

examples: build ## the C examples, in examples-c/build; as root installs libssl-dev and libuv1-dev for two of them, and says so
	examples-c/install_libraries.sh
	$(MAKE) -C examples-c

demo: examples ## real conversations over loopback: our client and servers, and the OpenSSL command line
	$(PYTHON) examples-c/demo.py examples-c/build ffi-tests/certs

# What `make test` does, two parts at a time, the longest first. Each can be made alone. CONTRIBUTING.md has the map.
PARTS = test-rust test-c test-peers test-models lint test-python test-dotnet test-examples test-kernel test-server abi-check header-check test-docs \
	test-package test-scenarios test-instructions
QUICK_PARTS = test-c-quick test-rust-quick test-peers-quick test-package test-docs header-check
LEFT_OUT = proof test-valgrind test-aws-lc test-bogo bogo interop fuzz fuzz-coverage differential chains test-cargo-c test-tsan models soak soak-transport audit bench bench-handshake bench-load bench-peers bench-python bench-dotnet

# Everything runs, whatever fails; what failed is named again at the end.
SIDE_BY_SIDE = +$(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target

test: examples ## all tests, as root; installs what they need, and says so
	@echo "# everything but, for reasons that CONTRIBUTING.md gives: $(LEFT_OUT)"
	$(SIDE_BY_SIDE) $(PARTS:%=timed-%)

test-quick: examples ## the tests without the long tables, valgrind and other software: under three minutes
	$(SIDE_BY_SIDE) $(QUICK_PARTS:%=timed-%)

# A part, and what it took. The library and the examples are there by then.
timed-%:
	@bash -c 'TIMEFORMAT="# $*: %0R s, of the processors %0U s and %0S s in the system"; time $(MAKE) --no-print-directory -o build -o examples $*'

test-examples: examples ## the small examples, the conversations of the demo, and both again with sanitizers in the examples
	$(PYTHON) examples-c/small/test_small.py examples-c/build/small ffi-tests/certs
	$(PYTHON) examples-c/demo.py examples-c/build ffi-tests/certs
	examples-c/check.sh sanitizers target/release ffi-tests/certs

test-rust: ## all Rust tests; unit tests optimised too, with all features (the stack's depth differs)
	$(CARGO) test $(IN_TARGET)
	$(CARGO) test $(IN_TARGET) --profile checked --lib --features certificate-compression

test-rust-quick: build
	$(CARGO) test $(IN_TARGET) --lib --test properties --test thread_exit

test-ffi: test-c test-peers ## the tests through the C interface

test-c: build ## the header, and programs in C: gcc, clang with the static library, sanitizers, valgrind
	ffi-tests/run.sh c

test-peers: build ## Python against OpenSSL, GnuTLS, curl, tshark and others, and a zoo of certificate chains
	ffi-tests/run.sh peers
	$(PYTHON) benches/peers/test_compare.py $(LIB)

test-valgrind: examples ## every program in C under valgrind, with both sets of suites, less thinned; the examples too: a quarter of an hour
	examples-c/check.sh valgrind target/release ffi-tests/certs
	ffi-tests/run.sh valgrind

test-c-quick test-peers-quick: test-%-quick: build
	ffi-tests/run.sh $* quick

test-aws-lc: ## the same tests with the algorithms of aws-lc-rs, the long tables left out
	$(CARGO) build --release $(AWS_LC)
	$(CARGO) test $(AWS_LC)
	SPANTLS_LIB=$(AWS_LC_DIR)/release/libspantls.so ffi-tests/run.sh quick

fuzz: ## hostile input without end: each fuzz target for SECONDS (60), DOORS names some (installs cargo-fuzz); docs/proof.md
	SECONDS_EACH=$(or $(SECONDS),60) fuzz/run.sh $(DOORS)

fuzz-coverage: ## how much of src each fuzz target reaches with its corpus; the table of docs/proof.md (as root installs llvm)
	$(PYTHON) fuzz/coverage.py

fuzz-seeds: ## the first inputs of the fuzz targets, in fuzz/corpus, from the scenarios of tests/doors/seeds.rs
	WRITE_SEEDS=1 $(CARGO) test $(IN_TARGET) --quiet --test hostile_input the_seeds

DIFFERENTIAL = --profile checked --lib -- --nocapture records_are_those_of_rustls
SEEDS = RUNS=$(or $(RUNS),10000) $(if $(SEED),SEED=$(SEED))

differential: ## our records beside rustls's on the same secrets, with either provider: RUNS (10000) of new seeds, SEED repeats some; docs/proof.md
	$(SEEDS) $(CARGO) test $(IN_TARGET) $(DIFFERENTIAL)
	$(SEEDS) $(CARGO) test $(AWS_LC) $(DIFFERENTIAL)

chains: build ## our verdict beside OpenSSL's and Go's on CHAINS (3000) that follow from SEED (0); docs/proof.md (installs Go)
	SPANTLS_LIB=$(LIB) $(PYTHON) ffi-tests/judges/chains/test_chains.py $(or $(CHAINS),3000) $(or $(SEED),0)

bounds: ## what a peer gets for the bytes that it sends; a part of `test-rust`; the table of docs/proof.md
	$(CARGO) test $(IN_TARGET) --lib allocations::bounds -- --nocapture --test-threads=1

test-server: examples ## the example epoll_server against curl, wrk, Python, Node, Chromium, and clients that mean harm
	$(PYTHON) ffi-tests/judges/server/test_server.py

soak-transport: ## sessions over spans and sockets under a hostile transport, for SECONDS (60)
	SOAK_SECONDS=$(or $(SECONDS),60) $(CARGO) test $(IN_TARGET) --quiet --test soak -- --nocapture

soak: soak-transport examples ## the same, then a million requests over 100,000 connections to the example epoll_server, then with its memory checked
	$(PYTHON) ffi-tests/judges/server/soak.py

abi-lib:
	$(CARGO) build $(IN_TARGET) $(DESCRIBED)

abi-check: abi-lib ## the ABI against its baseline in ffi-tests/interface/abi, and the tests of that guard (installs abigail-tools)
	$(PYTHON) ffi-tests/interface/abi/abi.py check $(ABI_LIB)
	$(PYTHON) ffi-tests/interface/abi/test_abi.py $(ABI_LIB)

abi-bless: abi-lib ## take additions to the ABI into its baseline; removals and changes are refused
	$(PYTHON) ffi-tests/interface/abi/abi.py bless $(ABI_LIB)

proof: ## the long judges one after another, or JUDGES alone: what each counted, into docs/proof.md
	$(PYTHON) ffi-tests/judges/proof.py $(JUDGES)

BOGO = $(PYTHON) ffi-tests/judges/bogo/run.py

bogo: build ## BoringSSL's test runner in all four ways, with either provider: a quarter of an hour; the figures of docs/proof.md
	$(CARGO) build --release $(AWS_LC)
	$(BOGO) ring=$(LIB) aws-lc-rs=$(AWS_LC_DIR)/release/libspantls.so

test-bogo: build ## the same with ring alone, over spans: a minute once the runner is built
	$(BOGO) --quick ring=$(LIB)

interop: build ## other implementations of TLS as peers, in both roles: writes docs/interop.md (installs them in target/interop)
	$(PYTHON) ffi-tests/judges/interop/run.py

test-kernel: build ## sessions whose records the kernel protects, on two kernels in virtual machines (installs qemu, fetches kernels)
	ffi-tests/judges/kernel/run.sh

test-dotnet: build ## SpanTls on a .NET runtime, with SslStream as its peer (fetches runtime and compiler into target/dotnet)
	$(PYTHON) bindings/dotnet/tests/run.py
	$(PYTHON) bindings/dotnet/tests/test_nupkg.py
	$(PYTHON) bindings/dotnet/tests/test_kestrel.py

nupkg: build ## the NuGet package of SpanTls, with the shared library in it, in target/nupkg
	$(PYTHON) bindings/dotnet/pack.py $(LIB) target/nupkg

bench-dotnet: build ## TlsStream beside SslStream
	$(PYTHON) bindings/dotnet/bench/run.py

audit: ## licences, sources and known faults of the dependencies (installs cargo-deny and cargo-audit)
	$(PYTHON) .ci/audit.py

MODELS = $(CARGO) test $(IN_TARGET) --quiet --features loom --lib session::models -- --nocapture

test-models: ## the locks of a session: loom tries every order of two threads, in the real code
	$(MODELS)

models: ## the same with a third thread that looks on, as many orders as a minute allows for each model
	ONLOOKER=1 LOOM_MAX_PREEMPTIONS=2 LOOM_MAX_DURATION=60 $(MODELS) | tee target/models.log
	@awk '/^test result/ { print $$4 " passed, " $$6 " failed" }' target/models.log; grep -q '^test result: ok' target/models.log

test-tsan: ## the thread tests under ThreadSanitizer, Rust's standard library too (needs clang; fetches that library's source)
	ffi-tests/interface/c/tsan.sh

# Nothing is linked here: what AWS-LC's build script would say stands for building AWS-LC, which takes minutes. Without the right version
# in the name it is built.
AWS_LC_LINKS = target.$(shell rustc -vV | sed -n 's/^host: //p').aws_lc_$(shell sed -n '/^name = "aws-lc-sys"/{n;s/[^0-9.]//g;s/[.]/_/gp;}' Cargo.lock)
AWS_LC_UNBUILT = --config "$(AWS_LC_LINKS).rustc-cfg=['universal']" --config "$(AWS_LC_LINKS).include='.'"

lint: ## formatting and clippy, warnings refused
	$(CARGO) fmt --check
	$(CARGO) clippy $(IN_TARGET) --all-targets -- -D warnings
	$(CARGO) clippy $(IN_TARGET) --all-targets --no-default-features --features aws-lc-rs $(AWS_LC_UNBUILT) -- -D warnings

fmt: ## format the Rust code
	$(CARGO) fmt

header: ## regenerate include/spantls.h from src/ffi
	$(PYTHON) ffi-tests/interface/header/make_header.py include/spantls.h

bindings: ## regenerate from include/spantls.h what the bindings for Python and .NET have of it
	$(PYTHON) bindings/generate.py

bindings-check: ## fail if that is stale; the tests of the generator
	$(PYTHON) bindings/generate.py --check
	$(PYTHON) bindings/test_generate.py

header-check: bindings-check ## fail if include/spantls.h is stale or cbindgen has dropped something
	$(PYTHON) ffi-tests/interface/header/make_header.py --check include/spantls.h

bench: ## records sealed and opened, beside the bare AEAD
	$(CARGO) bench $(IN_TARGET) --bench records

bench-handshake: ## instructions of a handshake beside rustls's, counted by valgrind
	$(PYTHON) benches/instructions/handshake.py "$$($(CARGO) bench $(IN_TARGET) --no-run --bench handshake 2>&1 | sed -n 's/.*Executable.*(\(.*\))$$/\1/p')"

test-instructions: build ## instructions of records and handshakes, counted by valgrind: more than 3 % above the baseline is a failure
	$(PYTHON) benches/instructions/instructions.py check $(LIB)

instructions-bless: build ## make today's counts the baseline, benches/instructions/baseline.json
	$(PYTHON) benches/instructions/instructions.py bless $(LIB)

bench-peers: ## the same work on spantls and on OpenSSL, BoringSSL, AWS-LC, s2n-tls, rustls: PEERS, WORK, ROUNDS (11); WRITE=1: docs/benchmarks.md
	$(PYTHON) benches/peers/compare.py $(if $(PEERS),--peers $(PEERS)) $(if $(WORK),--work $(WORK)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(WRITE),--write)

bench-load: examples ## the example epoll_server under load, beside OpenSSL's and nginx: writes docs/load.md and docs/load.svg
	$(PYTHON) benches/load/load.py

install: build ## header, libraries, spantls.pc, the CMake package and the small examples, under PREFIX (and DESTDIR)
	$(INSTALL) -d $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(DATADIR)/cmake/spantls $(DESTDIR)$(EXAMPLESDIR)
	$(INSTALL) -m 644 include/spantls.h $(DESTDIR)$(INCLUDEDIR)/spantls.h
	$(INSTALL) -m 755 $(LIB) $(DESTDIR)$(LIBDIR)/libspantls.so.$(RELEASE)
	ln -sf libspantls.so.$(RELEASE) $(DESTDIR)$(LIBDIR)/libspantls.so.1
	ln -sf libspantls.so.$(RELEASE) $(DESTDIR)$(LIBDIR)/libspantls.so
	$(INSTALL) -m 644 target/release/libspantls.a $(DESTDIR)$(LIBDIR)/libspantls.a
	sed -e 's|@prefix@|$(PREFIX)|' -e 's|@libdir@|$(LIBDIR)|' -e 's|@includedir@|$(INCLUDEDIR)|' -e 's|@version@|$(VERSION)|' \
		packaging/spantls.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/spantls.pc
	chmod 644 $(DESTDIR)$(LIBDIR)/pkgconfig/spantls.pc
	$(INSTALL) -m 644 packaging/cmake/*.cmake $(DESTDIR)$(DATADIR)/cmake/spantls
	$(INSTALL) -m 644 examples-c/small/*.c $(DESTDIR)$(EXAMPLESDIR)

uninstall: ## remove what `make install` has put there, with the same variables
	rm -f $(DESTDIR)$(INCLUDEDIR)/spantls.h $(DESTDIR)$(LIBDIR)/libspantls.so.$(RELEASE) $(DESTDIR)$(LIBDIR)/libspantls.so.1 \
		$(DESTDIR)$(LIBDIR)/libspantls.so $(DESTDIR)$(LIBDIR)/libspantls.a $(DESTDIR)$(LIBDIR)/pkgconfig/spantls.pc
	rm -rf $(DESTDIR)$(DATADIR)/cmake/spantls $(DESTDIR)$(DATADIR)/doc/spantls

test-package: build ## the version wherever it is; installed and used from outside: pkg-config and make, CMake (installs both)
	$(PYTHON) ffi-tests/interface/package/test_version.py
	$(PYTHON) ffi-tests/interface/package/test_package.py

test-cargo-c: ## the same for the tree of cargo-c's `cargo cinstall` (installs cargo-c: some minutes, once)
	$(PYTHON) ffi-tests/interface/package/test_cargo_c.py

docs: ## the reference of the C interface and the guides, in target/docs/html (installs doxygen)
	$(PYTHON) docs/api/make_docs.py

test-docs: build ## the C in README and docs is compiled and its server run; no gaps in the reference, nor in docs/interop.md (installs doxygen)
	$(PYTHON) ffi-tests/interface/docs/test_docs.py
	$(PYTHON) docs/api/make_docs.py test
	$(PYTHON) ffi-tests/judges/interop/test_interop.py

test-scenarios: build ## one list of scenarios, each language's server with each language's client (installs libssl-dev)
	$(PYTHON) ffi-tests/judges/scenarios/run.py

clean: ## remove what was built
	$(CARGO) clean $(IN_TARGET)
	$(MAKE) -C examples-c clean
	rm -rf ffi-tests/build

wheel: build ## the Python wheel, with the shared library in it, in target/wheel
	$(PYTHON) bindings/python/make_wheel.py $(LIB) target/wheel

bench-python: build ## spantls and spantls.ssl beside Python's ssl, over memory
	$(PYTHON) bindings/python/bench.py

test-python: build ## the Python package: its own tests, real software, CPython's tests (QUICK=1 leaves these two out)
	PYTHON="$(PYTHON)" bindings/python/tests/run.sh $(if $(QUICK),quick,)
