# Sourced by scripts that fetch packages of another release of Debian than this machine's, into "$directory".

mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2> /dev/null |
    grep -o -E 'https?://[^ ]+/debian/?( |$)' | head -n 1 | tr -d ' ') || true
[ -n "$mirror" ] || { echo "apt has no mirror of Debian" >&2; exit 2; }

# from SUITES COMMAND...: apt with these suites alone, in a state of its own.
from() {
    local suites=$1 command=$2 state=$directory/apt/${1// /+} suite
    shift 2
    if [ ! -e "$state/sources.list" ]; then
        mkdir -p "$state/lists/partial"
        for suite in $suites; do
            echo "deb $mirror $suite main"
        done > "$state/sources.list"
        from "$suites" apt-get update -qq
    fi
    "$command" -o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$state/lists" \
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "$@"
}
