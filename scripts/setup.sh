#!/bin/sh
# Usage: setup.sh EXTRA. Makes .venv, installs torch first, then cofire with that extra, once.
# A stamp per extra holds the checksum of what decides the installation: a second call returns at once.
set -u
cd "$(dirname "$0")/.." || exit 1
extra=$1
say() { printf '%s\n' "$*" >&2; }
fail() { say "cofire set-up: $*"; exit 1; }

wanted=$(cat pyproject.toml constraints.txt scripts/setup.sh | cksum)
stamp=.venv/.cofire-$extra
if [ -x .venv/bin/python ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then exit 0; fi

if [ ! -x .venv/bin/python ]; then
    python=
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then python=$candidate; break; fi
    done
    [ -n "$python" ] || fail "wanted Python 3.11 or later, got $(python3 --version 2>&1 || echo none); install one and run: make PYTHON=/path/to/python3 ..."
    "$python" -c 'import venv, ensurepip' >/dev/null 2>&1 \
        || fail "this Python has no venv module; install it (Debian: apt-get install python3-venv) and run make again"
fi

free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024) }')
[ "$free" -ge 3000 ] || fail "wanted 3000 MB of free space here for torch and the rest, got $free MB; free some and run make again"

log=$(mktemp) || fail "no temporary file can be written; set TMPDIR to a writable folder"
trap 'rm -f "$log"' EXIT
run() {
    "$@" >"$log" 2>&1 && return 0
    if grep -q 'No space left' "$log"; then fail "the disk is full; free about 3000 MB and run make again"; fi
    if grep -Eq 'NewConnectionError|NameResolutionError|ConnectionError|Temporary failure|Network is unreachable|ConnectTimeout|ProxyError|Max retries' "$log"; then
        fail "the package index cannot be reached; connect to the network (or set PIP_INDEX_URL) and run make again"
    fi
    if grep -Eq 'from versions: none|ResolutionImpossible' "$log"; then
        fail "the package index has nothing for this Python and system ($(.venv/bin/python --version)); use Python 3.11 to 3.13, or another index, and run make clean and make again"
    fi
    tail -n 15 "$log" >&2
    fail "this step failed: $*"
}
# Whoever is interrupted leaves no stamp and no half-made environment that would pass for a whole one.
if [ ! -x .venv/bin/python ]; then say "making .venv with $($python --version)"; rm -rf .venv; run "$python" -m venv .venv; fi
pip="env PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip install --no-input"
.venv/bin/python -c 'import torch' >/dev/null 2>&1 || { say "installing torch (once, a few minutes)"; run $pip -c constraints.txt torch; }
say "installing cofire with the extra '$extra'"
run $pip -c constraints.txt -e ".[$extra]"
printf '%s\n' "$wanted" >"$stamp"
