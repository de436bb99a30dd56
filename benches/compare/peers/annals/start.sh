#!/usr/bin/env bash
# Becomes an Annals server on loopback: start.sh INSTALLED DATA SETTING PORT. Defaults throughout.
set -euo pipefail
exec "$1/bin/annals" serve --data "$2" --listen "127.0.0.1:$4"
