#!/usr/bin/env bash
# Becomes a NATS server on loopback: start.sh INSTALLED DATA SETTING PORT. SETTING names the configuration beside this.
set -euo pipefail
exec "$1/bin/nats-server" --config "$(dirname "$0")/$3.conf" --store_dir "$2" --addr 127.0.0.1 --port "$4"
