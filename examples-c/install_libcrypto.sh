#!/bin/sh
# The headers of OpenSSL's libcrypto, for remote_key_server: installed if they are missing and we are root. Without
# them the other examples are built all the same.

if echo '#include <openssl/evp.h>' | ${CC:-cc} -E -x c - > /dev/null 2>&1; then
    exit 0
fi
"$(dirname "$0")/../ffi-tests/install.sh" libssl-dev || echo "remote_key_server will be missing"
