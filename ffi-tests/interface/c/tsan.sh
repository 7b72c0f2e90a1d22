#!/usr/bin/env bash
# The thread tests under ThreadSanitizer: reader and writer threads on open sessions. The library is built with it, the
# tests in C are the ordinary ones. Linux on x86-64 only; about two minutes.
set -euo pipefail
cd "$(dirname "$0")/../../.."

target=x86_64-unknown-linux-gnu
build=ffi-tests/build/tsan
runtime=$(ls "$(rustc --print sysroot)"/lib/rustlib/$target/lib/librustc-*_rt.tsan.a | head -n 1)
mkdir -p "$build"

# Sanitizers are not stable in rustc; the option that lets a stable one use them is for tests like this.
RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer" \
    cargo rustc --quiet --release --lib --crate-type staticlib --target $target --target-dir "$build/cargo"
for source in test_threads pair harness; do
    clang -g -O1 -Iinclude -fsanitize=thread -c "ffi-tests/interface/c/$source.c" -o "$build/$source.o"
done
clang++ -o "$build/threads" "$build"/{test_threads,pair,harness}.o "$build/cargo/$target/release/libspantls.a" \
    -Wl,--whole-archive "$runtime" -Wl,--no-whole-archive -lpthread -ldl -lm -lrt -rdynamic
SPANTLS_CERTS=ffi-tests/certs TSAN_OPTIONS="suppressions=ffi-tests/interface/c/tsan.supp exitcode=66" "$build/threads"
