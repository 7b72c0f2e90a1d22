#!/usr/bin/env bash
#
# Runs test_kernel on kernels that have TLS, each in a virtual machine of its own, and compares our structures with the
# kernel's header. Where the tools cannot be had, says so and runs the comparison alone.
#
#   run.sh [LIBRARY]      the static library, by default that of `cargo build --release`

set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
c=$root/ffi-tests/interface/c
certs=$root/ffi-tests/certs
library=${1:-$root/target/release/libspantls.a}
kernels=$root/target/kernels
build=$root/ffi-tests/build/kernel

# A virtual machine without hardware's help takes a minute; it ends by itself.
readonly LIMIT=400

passed=0
failed=0

# count LOG: adds up the summary in a log.
count() {
    local summary
    summary=$(tr -d '\r' < "$1" | grep -E '^[0-9]+ passed, [0-9]+ failed$' | tail -n 1)
    if [ -z "$summary" ]; then
        echo "not ok - $2 ended without a summary; the end of its log:"
        tail -n 25 "$1" | sed 's/^/    /'
        summary="0 passed, 1 failed"
    fi
    passed=$((passed + ${summary%% passed*}))
    summary=${summary#*, }
    failed=$((failed + ${summary% failed}))
}

# boot NAME ARGUMENT
boot() {
    local name=$1 kernel=$kernels/$1 version image=$build/$1 from=$SECONDS
    version=$(cat "$kernel/version")
    rm -rf "$image"
    mkdir -p "$image/bin" "$image/sbin" "$image/proc" "$image/sys" "$image/dev" "$image/certs"
    cp "$(command -v busybox)" "$image/bin/busybox"
    for tool in sh mount ip; do ln -s busybox "$image/bin/$tool"; done
    for tool in modprobe poweroff; do ln -s ../bin/busybox "$image/sbin/$tool"; done
    cp -r "$kernel/modules/lib" "$image/"
    cp "$certs"/{ca,server-p256}.pem "$certs/server-p256.key" "$image/certs/"
    cp "$build/test_kernel" "$image/"
    cat > "$image/init" << END
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
ip link set lo up
modprobe tls
SPANTLS_CERTS=/certs /test_kernel $2
poweroff -f
END
    chmod +x "$image/init"
    (cd "$image" && find . | cpio -o -H newc --quiet | gzip -1 > "$image.gz")
    timeout "$LIMIT" qemu-system-x86_64 -accel tcg -cpu max -nographic -no-reboot -m 512 -smp 2 -nic none \
        -kernel "$kernel/vmlinuz" -initrd "$image.gz" -append "console=ttyS0 quiet panic=-1 no_timer_check" \
        > "$build/$name.log" 2>&1 < /dev/null
    echo "# Linux $version, which $2 its keys: $((SECONDS - from)) s"
    tr -d '\r' < "$build/$name.log" | grep -E '^(not )?ok - |^ +' | sed "s/^\(not ok\|ok\) - /\1 - Linux $version: /"
    count "$build/$name.log" "Linux $version"
}

mkdir -p "$build"
gcc -std=c99 -D_POSIX_C_SOURCE=200809L -O1 -Wall -Wextra -Wpedantic -Wconversion -Werror -I "$root/include" \
    "$here/test_kernel.c" "$c/wire.c" "$c/pair.c" "$c/harness.c" "$library" -static -Wl,--no-warnings -lm \
    -o "$build/test_kernel" || exit 1

gcc -std=gnu99 -D_GNU_SOURCE -Wall -Wextra -Werror -I "$root/include" "$here/layout.c" "$c/harness.c" "$library" -static -Wl,--no-warnings -lm \
    -o "$build/layout" || exit 1
"$build/layout" | tee "$build/layout.log"
count "$build/layout.log" layout

if "$here/get_kernels.sh" "$kernels"; then
    boot old keeps
    boot new rekeys
else
    echo "skipped - sessions whose records the kernel protects: the virtual machines cannot be had here"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
