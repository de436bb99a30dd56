#!/usr/bin/env bash
# Puts what a peer's pom.xml depends on, from Maven Central, into a folder: maven.sh POM VERSION FOLDER. VERSION is that of
# the peer; does nothing if it is there.
set -euo pipefail
pom=$1 version=$2 folder=$3
mkdir -p "$folder"
[ -f "$folder/version" ] && [ "$(cat "$folder/version")" = "$version" ] && exit 0
rm -rf "$folder/lib"
mvn --quiet --batch-mode --file "$pom" dependency:copy-dependencies -DincludeScope=runtime \
    -DoutputDirectory="$folder/lib"
echo "$version" >"$folder/version"
