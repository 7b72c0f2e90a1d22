#!/usr/bin/env bash
#
# The tests of the small examples and the conversations of demo.py, with examples whose memory is checked: by the sanitizers of
# clang, or by valgrind, which takes minutes and sees the library's memory too.
#
#   check.sh sanitizers|valgrind LIBRARY_DIRECTORY CERTIFICATE_DIRECTORY
#
# The examples must have been built before. What is not installed is skipped, and said to be.

set -euo pipefail

if [ $# -ne 3 ]; then
    sed -n '3,8s/^# *//p' "$0" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
libraries=$(cd "$2" && pwd)
certificates=$(cd "$3" && pwd)
build=$here/build

# converse NAME DIRECTORY: the table is of interest only when something has failed.
converse() {
    if python3 "$here/demo.py" "$2" "$certificates" > "$2/demo.log" 2>&1; then
        echo "examples, $1: every conversation went as it should"
    else
        echo "examples, $1:"
        cat "$2/demo.log"
        return 1
    fi
}

# small NAME DIRECTORY [WRAPPER...]
small() {
    local name=$1 directory=$2
    shift 2
    if python3 "$here/small/test_small.py" "$directory" "$certificates" "$@" > "$build/small.log" 2>&1; then
        echo "small examples, $name: $(tail -n 1 "$build/small.log")"
    else
        echo "small examples, $name:"
        cat "$build/small.log"
        return 1
    fi
}

with_sanitizers() {
    local sanitized=$build/sanitized flags='-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all'
    mkdir -p "$sanitized"
    if echo 'int main(void) { return 0; }' | clang -x c $flags - -o "$sanitized/probe" 2> /dev/null; then
        make -s -C "$here" CC=clang CFLAGS="$flags" LIBDIR="$libraries" BUILD="$sanitized"
        small "sanitized" "$sanitized/small"
        converse "sanitized" "$sanitized"
    else
        echo "skipped - the examples with sanitizers: clang or its run-time libraries are not installed"
    fi
}

# For bounds and leaks. valgrind.supp says why not for uninitialised bytes.
with_valgrind() {
    local checked=$build/valgrind program
    if ! command -v valgrind > /dev/null; then
        echo "skipped - the examples under valgrind: it is not installed"
        return
    fi
    mkdir -p "$checked"
    rm -f "$checked"/*
    for program in client server sni_server delayed_certificate_server remote_key_server; do
        [ -e "$build/$program" ] || continue
        cat > "$checked/$program" <<SCRIPT
#!/bin/sh
exec valgrind --quiet --error-exitcode=9 --leak-check=full --fair-sched=yes --undef-value-errors=no \
    '$build/$program' "\$@"
SCRIPT
        chmod +x "$checked/$program"
    done
    small "valgrind" "$build/small" valgrind --quiet --leak-check=full --fair-sched=yes --undef-value-errors=no
    converse "valgrind" "$checked"
}

case $1 in
    sanitizers) with_sanitizers ;;
    valgrind) with_valgrind ;;
    *) echo "check.sh: sanitizers or valgrind?" >&2; exit 2 ;;
esac
