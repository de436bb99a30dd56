#!/usr/bin/env bash
# Puts Cassandra from Maven Central into a folder: install.sh FOLDER. Does nothing if it is there.
set -euo pipefail
folder=$1
mkdir -p "$folder"
pom=$(cd "$(dirname "$0")" && pwd)/pom.xml
version=$(sed -n 's:.*<version>\(5.*\)</version>.*:\1:p' "$pom" | head -1)
[ -f "$folder/version" ] && [ "$(cat "$folder/version")" = "$version" ] && exit 0
rm -rf "$folder/lib"
mvn --quiet --batch-mode --file "$pom" dependency:copy-dependencies -DincludeScope=runtime \
    -DoutputDirectory="$folder/lib"
echo "$version" >"$folder/version"
