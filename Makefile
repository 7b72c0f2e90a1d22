# The interface to everything here. `make help` lists the targets.

CARGO ?= cargo
PYTHON ?= python3
LIB = target/release/libspantls.so
# A build of its own, so that target/release stays what `make build` has made.
AWS_LC_DIR = target/aws-lc
AWS_LC = --no-default-features --features aws-lc-rs --target-dir $(AWS_LC_DIR)

# Where `make install` puts things; DESTDIR comes before all of it, for packagers.
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR ?= $(PREFIX)/share
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
INSTALL ?= install

.PHONY: help build examples demo test test-quick test-rust test-ffi test-aws-lc test-server soak test-tsan lint fmt header header-check bench bench-handshake bench-load install uninstall test-package clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## the shared and the static library, in target/release
	$(CARGO) build --release
	@ln -sf libspantls.so target/release/libspantls.so.0

examples: build ## the C examples, in examples-c/build; as root installs libssl-dev for one of them, and says so
	examples-c/install_libcrypto.sh
	$(MAKE) -C examples-c

demo: examples ## real conversations over loopback: our client and servers, and the OpenSSL command line
	$(PYTHON) examples-c/demo.py examples-c/build ffi-tests/certs

test: lint test-rust header-check examples ## all tests; installs what they need, and says so
	ffi-tests/run.sh
	$(PYTHON) examples-c/demo.py examples-c/build ffi-tests/certs
	examples-c/check.sh target/release ffi-tests/certs

test-quick: build ## the tests without the long tables and valgrind: under three minutes
	$(CARGO) test --lib --test allocations --test properties --test thread_exit
	ffi-tests/run.sh quick

test-rust: build ## all Rust tests; unit tests as released too (the stack's depth differs); unit tests with all features
	$(CARGO) test
	$(CARGO) test --release --lib
	$(CARGO) test --lib --features certificate-compression

test-ffi: build ## the tests through the C interface alone
	ffi-tests/run.sh

test-aws-lc: ## the same tests with the algorithms of aws-lc-rs, the long tables left out
	$(CARGO) build --release $(AWS_LC)
	$(CARGO) test $(AWS_LC)
	SPANTLS_LIB=$(AWS_LC_DIR)/release/libspantls.so ffi-tests/run.sh quick

test-server: examples ## the example epoll_server against curl, wrk, Python, Node, Chromium, and clients that mean harm
	$(PYTHON) ffi-tests/server/test_server.py

soak: examples ## a million requests over 100,000 connections to the example epoll_server, then with its memory checked
	$(PYTHON) ffi-tests/server/soak.py

.PHONY: abi-lib abi-check abi-bless
abi-lib:
	$(CARGO) build --profile abi --lib --target-dir target/abi-build

abi-check: abi-lib ## the ABI against its baseline in ffi-tests/abi, and the tests of that guard (installs abigail-tools)
	$(PYTHON) ffi-tests/abi/abi.py check target/abi-build/abi/libspantls.so
	$(PYTHON) ffi-tests/abi/test_abi.py target/abi-build/abi/libspantls.so

abi-bless: abi-lib ## take additions to the ABI into its baseline; removals and changes are refused
	$(PYTHON) ffi-tests/abi/abi.py bless target/abi-build/abi/libspantls.so

test-kernel: build ## sessions whose records the kernel protects, on two kernels in virtual machines (installs qemu, fetches kernels)
	ffi-tests/kernel/run.sh

test-tsan: ## the thread tests under ThreadSanitizer (needs clang)
	ffi-tests/tsan.sh

lint: ## formatting and clippy, warnings refused
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CARGO) clippy --all-targets --no-default-features --features aws-lc-rs -- -D warnings

fmt: ## format the Rust code
	$(CARGO) fmt

header: ## regenerate include/spantls.h from src/ffi
	$(PYTHON) ffi-tests/header/make_header.py include/spantls.h

header-check: ## fail if include/spantls.h is stale or cbindgen has dropped something
	$(PYTHON) ffi-tests/header/make_header.py --check include/spantls.h

bench: ## records sealed and opened, beside the bare AEAD
	$(CARGO) bench --bench records

bench-handshake: ## instructions of a handshake beside rustls's, counted by valgrind
	$(PYTHON) benches/instructions.py "$$($(CARGO) bench --no-run --bench handshake 2>&1 | sed -n 's/.*Executable.*(\(.*\))$$/\1/p')"

bench-load: examples ## the example epoll_server under load, beside OpenSSL's and nginx: writes docs/load.md and docs/load.svg
	$(PYTHON) bench/load.py

install: build ## header, libraries, spantls.pc and the CMake package, under PREFIX (and DESTDIR)
	$(INSTALL) -d $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(DATADIR)/cmake/spantls
	$(INSTALL) -m 644 include/spantls.h $(DESTDIR)$(INCLUDEDIR)/spantls.h
	$(INSTALL) -m 755 $(LIB) $(DESTDIR)$(LIBDIR)/libspantls.so.$(VERSION)
	ln -sf libspantls.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libspantls.so.0
	ln -sf libspantls.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libspantls.so
	$(INSTALL) -m 644 target/release/libspantls.a $(DESTDIR)$(LIBDIR)/libspantls.a
	sed -e 's|@prefix@|$(PREFIX)|' -e 's|@libdir@|$(LIBDIR)|' -e 's|@includedir@|$(INCLUDEDIR)|' -e 's|@version@|$(VERSION)|' \
		packaging/spantls.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/spantls.pc
	chmod 644 $(DESTDIR)$(LIBDIR)/pkgconfig/spantls.pc
	$(INSTALL) -m 644 packaging/cmake/*.cmake $(DESTDIR)$(DATADIR)/cmake/spantls

uninstall: ## remove what `make install` has put there, with the same variables
	rm -f $(DESTDIR)$(INCLUDEDIR)/spantls.h $(DESTDIR)$(LIBDIR)/libspantls.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libspantls.so.0 \
		$(DESTDIR)$(LIBDIR)/libspantls.so $(DESTDIR)$(LIBDIR)/libspantls.a $(DESTDIR)$(LIBDIR)/pkgconfig/spantls.pc
	rm -rf $(DESTDIR)$(DATADIR)/cmake/spantls

test-package: build ## installed and used from outside: pkg-config and make, CMake; shared and static (installs cmake, pkg-config)
	$(PYTHON) ffi-tests/package/test_package.py

.PHONY: docs test-docs
test-cargo-c: ## the same for the tree of cargo-c's `cargo cinstall` (installs cargo-c: some minutes, once)
	$(PYTHON) ffi-tests/package/test_cargo_c.py

docs: ## the reference of the C interface and the guides, in target/docs/html (installs doxygen)
	$(PYTHON) docs/api/make_docs.py

test-docs: build ## the C in README and docs is compiled and its server run; nothing of the header is undocumented (installs doxygen)
	$(PYTHON) ffi-tests/docs/test_docs.py
	$(PYTHON) docs/api/make_docs.py test

.PHONY: test-scenarios
test-scenarios: build ## one list of scenarios, each language's server with each language's client (installs libssl-dev)
	$(PYTHON) ffi-tests/scenarios/run.py

clean: ## remove what was built
	$(CARGO) clean
	$(MAKE) -C examples-c clean
	rm -rf ffi-tests/build

.PHONY: test-kernel wheel test-python
wheel: build ## the Python wheel, with the shared library in it, in target/wheel
	$(PYTHON) bindings/python/make_wheel.py $(LIB) target/wheel

test-python: build ## the Python package: its own tests, real software, CPython's tests (QUICK=1 leaves these two out)
	PYTHON="$(PYTHON)" bindings/python/tests/run.sh $(if $(QUICK),quick,)
