#!/bin/sh
# install.sh PACKAGE...: installs Debian packages that tests need, and says so. One caller at a time, so that tests can run side
# by side. Fails with a reason where it cannot: not root, no apt-get, no such package.

[ $# -gt 0 ] || exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
    echo "missing, and not to be installed from here: $*"
    exit 1
fi
if [ -z "$SPANTLS_INSTALLING" ] && command -v flock > /dev/null; then
    SPANTLS_INSTALLING=yes exec flock "${TMPDIR:-/tmp}/spantls-install.lock" "$0" "$@"
fi
echo "installing $*"
log=$(mktemp)
if { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } > "$log" 2>&1; then
    rm "$log"
else
    echo "that failed:"
    tail -n 5 "$log" | sed 's/^/    /'
    rm "$log"
    exit 1
fi
