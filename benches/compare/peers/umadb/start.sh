#!/usr/bin/env bash
# Becomes an UmaDB server on loopback: start.sh INSTALLED DATA SETTING PORT. Defaults throughout.
set -euo pipefail
exec "$1/bin/umadb" --listen "127.0.0.1:$4" --db-path "$2"
