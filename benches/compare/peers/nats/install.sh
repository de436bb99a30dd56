#!/usr/bin/env bash
# Builds the NATS server from its Go module into a folder: install.sh FOLDER. Does nothing if it is there.
set -euo pipefail
folder=$1
mkdir -p "$folder"
version=v2.15.2
[ -x "$folder/bin/nats-server" ] && exit 0
GOBIN=$folder/bin go install "github.com/nats-io/nats-server/v2@$version"
echo "$version" >"$folder/version"
