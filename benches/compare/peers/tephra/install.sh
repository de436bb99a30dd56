#!/usr/bin/env bash
# Builds Tephra's server from crates.io into a folder: install.sh FOLDER. Does nothing if it is there.
set -euo pipefail
folder=$1
mkdir -p "$folder"
version=0.4.4
[ -x "$folder/bin/tephra-server" ] && exit 0
"$(dirname "$0")/protoc.sh" "$folder"
PROTOC=$folder/protoc/bin/protoc cargo install tephra-server --version "=$version" --locked --root "$folder" \
    --target-dir "$folder/build" --quiet
rm -r "$folder/build"
echo "$version" >"$folder/version"
