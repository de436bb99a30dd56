#!/usr/bin/env bash
# Puts Cassandra from Maven Central into a folder: install.sh FOLDER. Does nothing if it is there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's:.*<version>\(5.*\)</version>.*:\1:p' "$here/pom.xml" | head -1)
exec "$here/../maven.sh" "$here/pom.xml" "$version" "$1"
