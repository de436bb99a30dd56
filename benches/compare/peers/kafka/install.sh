#!/usr/bin/env bash
# Puts Kafka's broker and tools from Maven Central into a folder: install.sh FOLDER. Does nothing if they are there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's:.*<version>\(4.*\)</version>.*:\1:p' "$here/pom.xml" | head -1)
exec "$here/../maven.sh" "$here/pom.xml" "$version" "$1"
