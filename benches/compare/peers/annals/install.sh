#!/usr/bin/env bash
# Builds the binary of this checkout as it is released into a folder: install.sh FOLDER. Always, as the code changes;
# but ANNALS_BINARY may name one that was built before.
set -euo pipefail
folder=$1
mkdir -p "$folder/bin"
root=$(cd "$(dirname "$0")/../../../.." && pwd)
if [ -n "${ANNALS_BINARY:-}" ]; then
    cp "$ANNALS_BINARY" "$folder/bin/annals"
else
    cargo install --path "$root/crates/annals" --locked --force --root "$folder" --quiet
fi
echo "commit $(git -C "$root" rev-parse --short HEAD)" >"$folder/version"
