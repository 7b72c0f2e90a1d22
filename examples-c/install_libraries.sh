#!/bin/sh
# What single examples need beside the library: installed if it is missing and we are root. Without it the other examples are
# built all the same.

# need HEADER PACKAGE EXAMPLE
need() {
    echo "#include <$1>" | ${CC:-cc} -E -x c - > /dev/null 2>&1 || "$here/../ffi-tests/install.sh" "$2" || echo "$3 will be missing"
}

here=$(dirname "$0")
need openssl/evp.h libssl-dev remote_key_server
need uv.h libuv1-dev small/libuv_server
