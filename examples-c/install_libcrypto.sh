#!/bin/sh
# The headers of OpenSSL's libcrypto, for remote_key_server: installed if they are missing and we are root. Without
# them the other examples are built all the same.

if echo '#include <openssl/evp.h>' | ${CC:-cc} -E -x c - > /dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
    exit 0 # the Makefile says what is left out
fi
echo "installing libssl-dev"
log=$(mktemp)
if { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends libssl-dev; } \
    > "$log" 2>&1; then
    rm "$log"
else
    echo "that failed, see $log: remote_key_server will be missing"
fi
