#!/usr/bin/env bash
# Puts Kafka's broker and tools from Maven Central into a folder: install.sh FOLDER. Does nothing if they are there.
set -euo pipefail
folder=$1
mkdir -p "$folder"
pom=$(cd "$(dirname "$0")" && pwd)/pom.xml
version=$(sed -n 's:.*<version>\(4.*\)</version>.*:\1:p' "$pom" | head -1)
[ -f "$folder/version" ] && [ "$(cat "$folder/version")" = "$version" ] && exit 0
rm -rf "$folder/lib"
mvn --quiet --batch-mode --file "$pom" dependency:copy-dependencies -DincludeScope=runtime \
    -DoutputDirectory="$folder/lib"
echo "$version" >"$folder/version"
