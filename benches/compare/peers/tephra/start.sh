#!/usr/bin/env bash
# Becomes a Tephra server on loopback: start.sh INSTALLED DATA SETTING PORT. Defaults throughout.
set -euo pipefail
exec "$1/bin/tephra-server" --bind "127.0.0.1:$4" --data-dir "$2"
