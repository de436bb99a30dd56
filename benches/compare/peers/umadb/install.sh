#!/usr/bin/env bash
# Builds UmaDB's server from crates.io into a folder: install.sh FOLDER. Does nothing if it is there. Its build wants a
# protoc; the one that Tephra needs will do.
set -euo pipefail
folder=$1
mkdir -p "$folder"
version=0.7.8
[ -x "$folder/bin/umadb" ] && exit 0
if [ -z "${PROTOC:-}" ] && ! command -v protoc >/dev/null; then
    "$(dirname "$0")/../tephra/protoc.sh" "$folder"
    export PROTOC=$folder/protoc/bin/protoc
fi
cargo install umadb --version "=$version" --locked --root "$folder" --target-dir "$folder/build" --quiet
rm -r "$folder/build"
echo "$version" >"$folder/version"
