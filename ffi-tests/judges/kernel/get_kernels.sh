#!/usr/bin/env bash
#
# Fetches what the tests of kernel TLS run on: qemu, and two kernels of Debian with their TLS modules, one that cannot change
# keys (Linux 6.1) and one that can. They come from the mirror that this machine's apt uses, into the directory named:
# NAME/vmlinuz, NAME/modules/lib/modules and NAME/version for each.
#
#   get_kernels.sh DIRECTORY

set -euo pipefail

directory=$1
here=$(cd "$(dirname "$0")" && pwd)
# What of a kernel's modules can matter to TLS.
readonly MODULES=(arch/x86/crypto arch/x86/lib/crypto crypto lib net/tls)

[ "$(id -u)" -eq 0 ] || { echo "needs root, for apt-get" >&2; exit 2; }
command -v apt-get > /dev/null || { echo "needs Debian's apt-get" >&2; exit 2; }
[ "$(dpkg --print-architecture)" = amd64 ] || { echo "runs amd64 kernels only" >&2; exit 2; }

. "$here/../../debian.sh"

# kernel NAME SUITE
kernel() {
    local name=$1 suite=$2 target=$directory/$1 unpacked=$directory/unpacked package version parts archive part file
    [ -e "$target/version" ] && return
    package=$(from "$suite" apt-cache depends linux-image-cloud-amd64 |
        sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -n 1)
    version=${package#linux-image-}
    # Newer ones are in parts.
    parts=$(from "$suite" apt-cache depends "$package" | sed -n 's/^ *Depends: \(linux-\(base\|binary\|modules\)-.*\)$/\1/p')
    echo "fetching $package"
    rm -rf "$unpacked" "$target"
    mkdir -p "$unpacked/files" "$target/modules"
    chmod 777 "$unpacked"
    # shellcheck disable=SC2086
    (cd "$unpacked" && from "$suite" apt-get download -qq "$package" $parts)
    for archive in "$unpacked"/*.deb; do
        dpkg -x "$archive" "$unpacked/files"
    done
    find "$unpacked/files" -name 'vmlinuz*' -type f -exec cp {} "$target/vmlinuz" \;
    local from to=$target/modules/lib/modules/$version
    from=$(dirname "$(find "$unpacked/files" -path "*/lib/modules/$version/kernel" -type d)")
    mkdir -p "$to/kernel"
    cp "$from"/modules.builtin "$from"/modules.order "$to/"
    [ ! -e "$from/modules.builtin.modinfo" ] || cp "$from/modules.builtin.modinfo" "$to/"
    for part in "${MODULES[@]}"; do
        [ ! -d "$from/kernel/$part" ] || (cd "$from" && cp -r --parents "kernel/$part" "$to/")
    done
    find "$to" -name '*.ko.xz' -exec xz -d {} +
    find "$to" -name '*.ko.zst' | while read -r file; do zstd -qd --rm "$file"; done
    [ -e "$target/vmlinuz" ] && [ -e "$to/kernel/net/tls/tls.ko" ] || { echo "$package has no kernel, or no TLS module" >&2; exit 1; }
    depmod -b "$target/modules" "$version"
    rm -rf "$unpacked"
    echo "$version" > "$target/version"
}

mkdir -p "$directory"
directory=$(cd "$directory" && pwd)
. /etc/os-release
if ! command -v qemu-system-x86_64 > /dev/null || ! command -v busybox > /dev/null || ! command -v cpio > /dev/null ||
    ! command -v depmod > /dev/null; then
    readonly TOOLS=(qemu-system-x86 seabios busybox-static cpio kmod zstd xz-utils)
    # The release's own may conflict with what is installed from its backports.
    "$here/../../install.sh" "${TOOLS[@]}" || {
        echo "installing them from $VERSION_CODENAME-backports"
        DEBIAN_FRONTEND=noninteractive from "$VERSION_CODENAME $VERSION_CODENAME-backports" apt-get install -qq -y \
            --no-install-recommends -t "$VERSION_CODENAME-backports" "${TOOLS[@]}" > "$directory/apt.log" 2>&1
    }
fi
kernel old bookworm
kernel new trixie-backports
