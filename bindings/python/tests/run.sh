#!/bin/sh
# Runs the Python package's tests: run.sh [quick]. The library is that of SPANTLS_LIB, else target/release. Installs what
# requirements.txt lists in target/python-venv, and says so; `quick` leaves out what needs it, vsftpd, and CPython's own tests.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
python=${PYTHON:-python3}
SPANTLS_LIB=${SPANTLS_LIB:-$root/target/release/libspantls.so}
export SPANTLS_LIB
tests="test_core test_interface test_ssl_module test_ssl_trust test_differential_io test_differential_objects test_differential_trust test_wheel"
if [ "$1" != quick ]; then
    venv=$root/target/python-venv
    if ! cmp -s "$here/requirements.txt" "$venv/installed.txt"; then
        echo "# installing into target/python-venv: $(tr '\n' ' ' < "$here/requirements.txt")"
        "$python" -m venv "$venv" && "$venv/bin/pip" -q install --disable-pip-version-check -r "$here/requirements.txt" &&
            cp "$here/requirements.txt" "$venv/installed.txt" || exit 1
    fi
    python=$venv/bin/python
    "$here/get_vsftpd.sh" "$root/target/vsftpd" || echo "some tests will be missing"
    tests="$tests test_types test_loops test_ftps test_real_software run_cpython"
fi
passed=0
failed=0
for test in $tests; do
    echo "# $test"
    output=$("$python" "$here/$test.py" 2>&1)
    code=$?
    echo "$output"
    counts=$(echo "$output" | tail -n 1 | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
    if [ -z "$counts" ]; then
        echo "not ok - $test ends with $code and no summary"
        counts="0 1"
    fi
    passed=$((passed + ${counts% *}))
    failed=$((failed + ${counts#* }))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
