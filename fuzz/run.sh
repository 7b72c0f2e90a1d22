#!/usr/bin/env bash
# run.sh [DOOR…]: runs each fuzz target (all of them by default) for SECONDS_EACH (60) seconds, beginning with the corpus that is checked in and what
# earlier runs have found. One line each, and "N passed, N failed". SANITIZER=address watches memory, at half the speed.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${SECONDS_EACH:-60}
sanitizer=${SANITIZER:-none}
features=(); [ "$sanitizer" = none ] || features=(--features sanitizer)
out=$PWD/../target/fuzz
build=$out/build-$sanitizer
doors=("$@")
if [ $# = 0 ]; then
    doors=(); for target in fuzz_targets/*.rs; do doors+=("$(basename "$target" .rs)"); done
fi
if ! cargo fuzz --version > /dev/null 2>&1; then
    echo "# installing cargo-fuzz (a minute, once)"
    cargo install --quiet cargo-fuzz
fi
# Instrumentation is not stable: the bootstrap flag lets this compiler do it.
RUSTC_BOOTSTRAP=1 nice cargo fuzz build --sanitizer "$sanitizer" --target-dir "$build" "${features[@]}"
passed=0 failed=0
for door in "${doors[@]}"; do
    found=$out/corpus/$door artifacts=$out/artifacts/$door log=$out/$door.log
    mkdir -p "$found" "$artifacts"
    if nice "$build"/*/release/"$door" "$found" "corpus/$door" -max_total_time="$seconds" -max_len=1024 -len_control=0 \
        -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$artifacts/" > "$log" 2>&1; then
        passed=$((passed + 1)) result=passed
    else
        failed=$((failed + 1)) result="FAILED: see $log and $artifacts"
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    edges=$(sed -n 's/.*cov: \([0-9]*\).*/\1/p' "$log" | tail -n 1)
    echo "$door: $result, ${runs:-no} runs, ${edges:-no} edges"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
