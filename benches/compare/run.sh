#!/usr/bin/env bash
# Builds the comparison and runs it: run.sh [ARGUMENTS]; --help tells which. Peers are installed and kept below
# ANNALS_COMPARE_CACHE, which is ~/.cache/annals-compare if it is not set.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export ANNALS_COMPARE_CACHE=${ANNALS_COMPARE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/annals-compare}
features=()
if "$here/peers/tephra/protoc.sh" "$ANNALS_COMPARE_CACHE/tephra"; then
    export PROTOC=$ANNALS_COMPARE_CACHE/tephra/protoc/bin/protoc
    features=(--features tephra)
else
    echo 'Tephra is left out: its client needs a protoc that is not to be had' >&2
fi
exec cargo run --release --locked --manifest-path "$here/Cargo.toml" "${features[@]}" -- "$@"
