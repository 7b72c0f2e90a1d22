#!/usr/bin/env bash
# The thread tests under ThreadSanitizer: contexts that eight threads share, handshakes whose every step is another thread's, reader and
# writer threads on open sessions. The library is built with it, and so is Rust's standard library where its source is to be had for a
# compiler that is here; the tests in C are the ordinary ones. Linux on x86-64 only; four minutes the first time.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../../.."

target=x86_64-unknown-linux-gnu
build=ffi-tests/build/tsan
mkdir -p "$build"

# compilers: as arguments of rustc and cargo.
compilers() {
    echo ""
    ! command -v rustup > /dev/null || rustup toolchain list | sed 's/^\([^ ]*\).*/+\1/'
}

# fetch_source: Debian's package of the standard library's source, and its version.
fetch_source() (
    directory=$PWD/target/rust-src
    mkdir -p "$directory"
    . ffi-tests/debian.sh
    cd "$directory"
    chmod 777 .
    if ! compgen -G 'usr/src/rustc-*/library' > /dev/null; then
        from trixie-backports apt-get download -qq rust-src
        dpkg -x rust-src_*.deb .
    fi
    echo "$directory"/usr/src/rustc-*/library
)

compiler= source=
find_source() {
    local name version
    while read -r name; do
        source=$(rustc $name --print sysroot)/lib/rustlib/src/rust/library
        [ ! -e "$source/std" ] || { compiler=$name; return; }
    done < <(compilers)
    source=$(fetch_source) || return 1
    version=$(basename "$(dirname "$source")")
    version=${version#rustc-}
    while read -r name; do
        # The same but for corrections: it need not be the very same.
        [[ $(rustc $name --version) != "rustc ${version%.*}."* ]] || { compiler=$name; return; }
    done < <(compilers)
    echo "no compiler here is of Debian's version $version" >&2
    return 1
}

arguments=(--quiet --release --features thread-sanitizer --lib --crate-type staticlib --target "$target" --target-dir "$build/cargo")
# Sanitizers are not stable in rustc; the option that lets a stable one use them is for tests like this.
export RUSTC_BOOTSTRAP=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
options=exitcode=66
if find_source; then
    echo "# the standard library is instrumented too: $source with $(rustc $compiler --version)"
    export __CARGO_TESTS_ONLY_SRC_ROOT=$source
    RUSTFLAGS="-Zsanitizer=thread" cargo $compiler rustc -Zbuild-std=std,panic_unwind "${arguments[@]}"
else
    echo "# the standard library is not instrumented: tsan.supp says what that hides"
    compiler=
    RUSTFLAGS="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer" cargo rustc "${arguments[@]}"
    options="$options suppressions=$here/tsan.supp"
fi
runtime=$(ls "$(rustc $compiler --print sysroot)"/lib/rustlib/$target/lib/librustc-*_rt.tsan.a | head -n 1)
for source in test_threads pair harness; do
    clang -g -O1 -std=c99 -D_POSIX_C_SOURCE=200809L -Iinclude -fsanitize=thread -c "$here/$source.c" -o "$build/$source.o"
done
clang++ -o "$build/threads" "$build"/{test_threads,pair,harness}.o "$build/cargo/$target/release/libspantls.a" \
    -Wl,--whole-archive "$runtime" -Wl,--no-whole-archive -lpthread -ldl -lm -lrt -rdynamic
SPANTLS_CERTS=ffi-tests/certs TSAN_OPTIONS=$options "$build/threads"
