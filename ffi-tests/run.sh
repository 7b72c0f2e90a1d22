#!/usr/bin/env bash
#
# Runs tests against the built library: of the C interface (`interface`: the header, and C programs with gcc, clang with the
# static library, clang with sanitizers, valgrind), and by foreign judges (`judges`: Python against OpenSSL, GnuTLS, curl and
# tshark, a zoo of certificate chains, and chains made at random).
#
#   ffi-tests/run.sh [c|peers|valgrind] [quick]
#
# `c` is the header and the C programs, `peers` all the rest; without either both run, which takes minutes. The product tables run
# in full once, with gcc and the shared library; the other builds of the C programs thin them, most of all under valgrind. `quick`
# thins them everywhere and leaves valgrind out. `valgrind` runs each C program under valgrind with both sets of suites and less
# thinned tables: a quarter of an hour.
#
# Build the library before (`cargo build --release`), or name another one in SPANTLS_LIB; its static twin is looked for
# beside it. Run as root, it installs tools that are missing with apt-get, and OpenSSL's libcrypto, which plays the host
# that signs in the C programs. The last line is the sum of all tests.

set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
c=$here/interface/c
peers=$here/judges/peers
parts=
case ${1:-} in c | peers | valgrind) parts=$1 && shift ;; esac
mode=${1:-full}
build=$here/build${parts:+/$parts}
logs=$build/logs
library=${SPANTLS_LIB:-$here/../target/release/libspantls.so}

case $mode in
    full | quick) ;;
    *) echo "usage: $0 [c|peers|valgrind] [quick]" >&2; exit 2 ;;
esac
if [ ! -e "$library" ]; then
    echo "there is no library at $library: run \`cargo build --release\` first" >&2
    exit 2
fi
library=$(cd "$(dirname "$library")" && pwd)/$(basename "$library")
static_library=${library%.so*}.a

# --- Tools -----------------------------------------------------------------------------------------------------------

# sanitizers_work: whether clang can link a program with its sanitizers.
sanitizers_work() {
    command -v clang > /dev/null &&
        echo 'int main(void) { return 0; }' |
        clang -x c -fsanitize=address,undefined - -o "$build/probe" 2> /dev/null && "$build/probe"
}

# libcrypto_works: whether programs can be linked with libcrypto 3.
libcrypto_works() {
    command -v gcc > /dev/null &&
        printf '#include <openssl/evp.h>\nint main(void) { return EVP_PKEY_get_size(NULL) > 0; }' |
        gcc -x c - -lcrypto -o "$build/probe" 2> /dev/null
}

install_missing_tools() {
    local missing=()
    command -v gcc > /dev/null && command -v g++ > /dev/null || missing+=(gcc g++ libc6-dev)
    command -v clang > /dev/null || missing+=(clang)
    command -v valgrind > /dev/null || [ "$mode" = quick ] || missing+=(valgrind)
    command -v openssl > /dev/null || missing+=(openssl)
    libcrypto_works || missing+=(libssl-dev)
    command -v gnutls-cli > /dev/null && command -v gnutls-serv > /dev/null || missing+=(gnutls-bin)
    command -v curl > /dev/null || missing+=(curl)
    command -v tshark > /dev/null || missing+=(tshark)
    python3 -c 'import venv, ensurepip' 2> /dev/null || missing+=(python3-venv)
    "$here/install.sh" ${missing[@]+"${missing[@]}"} || echo "some tests will be missing"
    # The sanitizers are a package of their own, of the compiler's version.
    if command -v clang > /dev/null && ! sanitizers_work; then
        "$here/install.sh" "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
    fi
}

# --- Running and counting --------------------------------------------------------------------------------------------

passed=0
failed=0

# No program takes longer than this; its own watchdog is a little earlier. Several in one take longer together.
readonly LIMIT=420
readonly LIMIT_TOGETHER=1200

# count NAME SECONDS STATUS: adds up the summary in NAME's log, and shows what is not right. A program that ended
# without a summary, or whose exit status is a complaint of its own (a memory error), has failed once.
count() {
    local name=$1 seconds=$2 status=$3 log=$logs/$1.log
    local p=0 f=0 summary
    summary=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)
    if [ -n "$summary" ]; then
        p=${summary%% passed*}
        f=${summary#*, }
        f=${f%% failed}
    fi
    # 0 goes with no failed test and 1 with some; everything else is wrong.
    if [ -z "$summary" ] || [ "$status" -ne $((f > 0)) ]; then
        f=$((f + 1))
        echo "$name ended with status $status; the end of its log:"
        grep -v '^ok - ' "$log" | tail -n 25 | sed 's/^/    /'
    elif [ "$f" -ne 0 ]; then
        grep -v -E '^ok - |^[0-9]+ passed, ' "$log" | sed 's/^/    /'
    else
        grep -E '^skipped - ' "$log" | sed 's/^/    /'
    fi
    passed=$((passed + p))
    failed=$((failed + f))
    echo "$name: $p passed, $f failed ($seconds s)"
}

# run NAME COMMAND...
run() {
    local name=$1 status=0 from=$SECONDS
    shift
    timeout "${limit:-$LIMIT}" "$@" > "$logs/$name.log" 2>&1 < /dev/null || status=$?
    count "$name" $((SECONDS - from)) "$status"
}

# skip NAME REASON
skip() {
    echo "skipped - $1: $2"
}

# --- The C programs --------------------------------------------------------------------------------------------------

readonly FLAGS=(-std=c99 -D_POSIX_C_SOURCE=200809L -g -O1 -Wall -Wextra -Wpedantic -Wconversion -Werror
    -I "$here/../include")
readonly COMMON=(harness pair wire)
programs=()
for source in "$c"/test_*.c; do
    source=${source##*/test_}
    programs+=("${source%.c}")
done

# signs PROGRAM: whether it needs libcrypto.
signs() {
    grep -q '"sign.h"' "$c/test_$1.c"
}

# without_libcrypto: leaves the programs out that need it.
without_libcrypto() {
    local all=("${programs[@]}") program
    programs=()
    for program in "${all[@]}"; do
        if signs "$program"; then
            skip "$program" "libcrypto's headers (libssl-dev) are not installed"
        else
            programs+=("$program")
        fi
    done
}

# compile NAME COMPILER FLAG...: the objects of all programs, in a folder of that name; false if one does not compile.
compile() {
    local name=$1 compiler=$2 source sources=("${COMMON[@]}" "${programs[@]/#/test_}")
    shift 2
    ! libcrypto_works || sources+=(sign)
    mkdir -p "$build/$name"
    for source in "${sources[@]}"; do
        "$compiler" "${FLAGS[@]}" "$@" -c "$c/$source.c" -o "$build/$name/$source.o" > "$logs/$name-$source.log" 2>&1 || {
            count "$name-$source" 0 1
            return 1
        }
    done
}

# link NAME OBJECTS PROGRAM COMMAND...: the program NAME-PROGRAM of the objects that were compiled as OBJECTS.
link() {
    local name=$1 from=$build/$2 program=$3
    shift 3
    local objects=("test_$program" "${COMMON[@]}") libraries=()
    if signs "$program"; then
        objects+=(sign)
        libraries=(-lcrypto)
    fi
    objects=("${objects[@]/#/$from/}")
    "$1" "${objects[@]/%/.o}" -o "$build/$name-$program" "${@:2}" ${libraries[@]+"${libraries[@]}"} > "$logs/$name-$program.log" 2>&1 || {
        count "$name-$program" 0 1
        return 1
    }
}

# link_all NAME OBJECTS COMMAND...
link_all() {
    local program
    for program in "${programs[@]}"; do
        link "$1" "$2" "$program" "${@:3}" || return 1
    done
}

# memory_is_checked PROGRAM: test_resources.c and test_stack.c say why they are left out where memory is checked.
memory_is_checked() {
    [ "$1" != resources ] && [ "$1" != stack ]
}

# run_all NAME BUILT PREFIX...: runs what was linked under BUILT, after the command in PREFIX.
run_all() {
    local name=$1 built=$2 program
    shift 2
    for program in "${programs[@]}"; do
        local given=(${arguments[@]+"${arguments[@]}"})
        case $name in sanitizers | valgrind*) memory_is_checked "$program" || continue ;; esac
        # Chance finds more in the long run, and the sanitizers are where it shows.
        [ "$mode-$name-$program" != full-sanitizers-random_calls ] || given=()
        run "$name-$program" "$@" "$build/$built-$program" ${given[@]+"${given[@]}"}
    done
}

# shares_a_process PROGRAM: whether it runs under valgrind together with others. The library keeps the first store of the system that it
# reads, and `reasons` has one of its own.
shares_a_process() {
    memory_is_checked "$1" && [ "$1" != reasons ]
}

# suite_matters PROGRAM: whether its course depends on the suite.
suite_matters() {
    case $1 in handshake | random_calls | records) ;; *) false ;; esac
}

readonly VALGRIND=(valgrind --quiet --error-exitcode=9 --leak-check=full --fair-sched=yes)

# valgrind_together NAME WHICH OPTION ARGUMENT...: the programs for which WHICH holds, in one: valgrind takes longer to translate the
# library once more than to run most of them.
valgrind_together() {
    local name=$1 which=$2 option=$3 program chosen=() objects=("${COMMON[@]}") libraries=() limit=$LIMIT_TOGETHER
    shift 3
    for program in "${programs[@]}"; do
        "$which" "$program" || continue
        chosen+=("$program")
        objects+=("together_$program")
        objcopy --redefine-sym "main=main_$program" "$build/gcc/test_$program.o" "$build/gcc/together_$program.o"
    done
    if libcrypto_works; then
        objects+=(sign)
        libraries=(-lcrypto)
    fi
    objects=("${objects[@]/#/$build/gcc/}")
    if gcc "${FLAGS[@]}" "-DPROGRAMS=$(printf 'PROGRAM(%s) ' "${chosen[@]}")" "$c/together.c" "${objects[@]/%/.o}" -o "$build/$name" "$library" \
        -lpthread ${libraries[@]+"${libraries[@]}"} > "$logs/$name.log" 2>&1; then
        run "$name" "${VALGRIND[@]}" "$option" "$build/$name" "$@"
    else
        count "$name" 0 1
    fi
}

# unload_tests: a program that is not linked to the library, but loads and unloads a plugin that is.
unload_tests() {
    local plugin=$build/plugin.so program=$build/gcc-unload log=$logs/gcc-unload.log sources=("${COMMON[@]/#/$c/}")
    if { gcc "${FLAGS[@]}" -shared -fPIC -Wl,-Bsymbolic "$c/unload/plugin.c" "${sources[@]/%/.c}" -o "$plugin" "$library" -lpthread &&
        gcc "${FLAGS[@]}" "$c/unload/test_unload.c" "$c/harness.c" -o "$program" -ldl -lpthread; } > "$log" 2>&1; then
        run gcc-unload env GLIBC_TUNABLES=glibc.malloc.tcache_count=0 "$program" "$plugin"
    else
        count gcc-unload 0 1
    fi
}

c_tests() {
    local arguments=()
    [ "$mode" = full ] || arguments=(quick)
    libcrypto_works || without_libcrypto

    compile gcc gcc && link_all gcc gcc gcc "$library" -lpthread && run_all gcc gcc

    unload_tests

    # The tables are run in full above. What follows looks for other faults in the same code: of linking, and of memory.
    arguments=(quick)

    if ! command -v clang > /dev/null; then
        skip "the C programs with clang" "clang is not installed"
    else
        if [ -e "$static_library" ]; then
            link_all static gcc clang "$static_library" -Wl,--strip-debug -lpthread -ldl -lm && run_all static static
        else
            skip "the C programs with the static library" "there is no $static_library"
        fi
        if sanitizers_work; then
            local flags=(-fsanitize=address,undefined -fno-sanitize-recover=all)
            compile sanitizers clang "${flags[@]}" && link_all sanitizers sanitizers clang "${flags[@]}" "$library" -lpthread &&
                run_all sanitizers sanitizers
        else
            skip "the C programs with sanitizers" "clang's run-time libraries are not installed"
        fi
    fi

    if [ "$mode" = full ]; then
        if command -v valgrind > /dev/null; then
            # Once strictly, with the suites that valgrind understands, and once with all suites, for bounds and leaks.
            valgrind_together valgrind shares_a_process --undef-value-errors=yes quick sparse chacha
            run valgrind-reasons "${VALGRIND[@]}" "$build/gcc-reasons" quick chacha
            valgrind_together valgrind-all-suites suite_matters --undef-value-errors=no quick sparse
        else
            skip "the C programs under valgrind" "valgrind is not installed"
        fi
    fi
}

# valgrind_tests: the same with less thinned tables, and all programs with all suites.
valgrind_tests() {
    local arguments=(quick chacha)
    libcrypto_works || without_libcrypto
    compile gcc gcc && link_all gcc gcc gcc "$library" -lpthread || return
    run_all valgrind gcc "${VALGRIND[@]}"
    arguments=(quick)
    run_all valgrind-all-suites gcc "${VALGRIND[@]}" --undef-value-errors=no
}

# --- Everything ------------------------------------------------------------------------------------------------------

mkdir -p "$logs" "$build/lib"
rm -f "$logs"/*.log
install_missing_tools

# Programs ask for the library by its SONAME.
ln -sf "$library" "$build/lib/libspantls.so.1"
export LD_LIBRARY_PATH=$build/lib SPANTLS_LIB=$library SPANTLS_CERTS=$here/certs PYTHONDONTWRITEBYTECODE=1
if [ "$mode" = quick ]; then
    export SPANTLS_QUICK=1
fi

# secrets: the memory of a process that has given everything back. Its peer is Python's ssl.
secrets() {
    gcc "${FLAGS[@]}" "$here/judges/secrets/holder.c" "$library" -o "$build/holder" > "$logs/secrets.log" 2>&1 || {
        count secrets 0 1
        return
    }
    if [ "$(uname)" != Linux ]; then
        skip secrets "there is no /proc to read memory from"
        return
    fi
    run secrets python3 "$here/judges/secrets/test_secrets.py" "$build/holder"
}

if [ "$parts" = valgrind ]; then
    valgrind_tests
fi
if [ "$parts" = c ] || [ "$parts" = "" ]; then
    run header python3 "$here/interface/header/check_header.py"
    c_tests
    run environment python3 "$c/test_environment.py"
fi
if [ "$parts" = peers ] || [ "$parts" = "" ]; then
    run python-ssl python3 "$peers/test_against_ssl.py"
    run python-openssl python3 "$peers/test_against_openssl.py"
    run python-credentials python3 "$peers/test_credentials.py"
    run python-chains python3 "$peers/test_chains.py"
    run python-socket python3 "$peers/test_socket.py"
    run python-certificate-facts python3 "$peers/test_certificate_facts.py"
    run python-verdicts python3 "$peers/test_verdicts.py"
    run python-hybrid python3 "$peers/test_hybrid.py"
    run python-alerts python3 "$peers/test_alerts.py"
    run python-early-data python3 "$peers/test_early_data.py"
    run python-questions python3 "$peers/test_questions.py"
    run python-identity python3 "$peers/test_identity.py"
    run python-post-handshake-auth python3 "$peers/test_post_handshake_auth.py"
    secrets
    run zoo python3 "$here/judges/zoo/test_zoo.py"
    run chains python3 "$here/judges/chains/test_chains.py"
    run decisions python3 "$here/judges/trust/test_decisions.py"
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
