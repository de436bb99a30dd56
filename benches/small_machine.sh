#!/usr/bin/env bash
# A server in a control group of 256 MiB, over 10 GiB of events: stores them, tails them all, scans, starts again after a
# stop and after a kill in the middle of appends. Says what memory each took, and fails if the limit ended the server.
#
#   benches/small_machine.sh [FOLDER]      the store goes there, and is removed afterwards; not into a tmpfs, which counts
#   EVENTS=1000000 LIMIT_MIB=256 CONFIG=deploy/annals-small.toml ANNALS=target/release/annals benches/small_machine.sh
#
# Needs the right to make a control group, which root has. The client runs outside of the group.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-.}/annals-small-$$
mkdir "$folder"
events=${EVENTS:-10490000}
partitions=10000
limit=$((${LIMIT_MIB:-256} * 1024 * 1024))
config=${CONFIG:-$here/deploy/annals-small.toml}
if [ -z "${ANNALS:-}" ]; then
    cargo build --release --manifest-path "$here/Cargo.toml" -p annals
    ANNALS=${CARGO_TARGET_DIR:-$here/target}/release/annals
fi

if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    group=/sys/fs/cgroup/annals-small-$$ limit_file=memory.max events_file=memory.events
else
    group=/sys/fs/cgroup/memory/annals-small-$$ limit_file=memory.limit_in_bytes events_file=memory.oom_control
fi
mkdir "$group"
echo "$limit" > "$group/$limit_file"

server=
sampler=
cleanup() {
    [ -z "$sampler" ] || kill "$sampler" 2> /dev/null || true
    [ -z "$server" ] || kill -9 "$server" 2> /dev/null || true
    wait 2> /dev/null || true
    rmdir "$group" || true
    rm -rf "$folder"
}
trap cleanup EXIT

now_ms() { echo $(($(date +%s%N) / 1000000)); }

# The most anonymous memory since the last call, in MiB, by samples of 100 ms.
sample() {
    while sleep 0.1; do
        awk '/^RssAnon/ { print $2 }' "/proc/$1/status" 2> /dev/null >> "$folder/samples" || true
    done
}
peak() {
    sort -n "$folder/samples" | tail -1 | awk '{ printf "%d", $1 / 1024 }'
    : > "$folder/samples"
}

# Starts the server in the group; sets `address` and `opened`, the milliseconds until it took requests.
start() {
    local begun
    begun=$(now_ms)
    : > "$folder/out"
    : > "$folder/samples"
    bash -c 'echo $$ > "$0/cgroup.procs"; exec "$@"' "$group" \
        "$ANNALS" serve --data "$folder/store" --config "$config" --listen 127.0.0.1:0 > "$folder/out" 2>> "$folder/log" &
    server=$!
    sample "$server" &
    sampler=$!
    until address=$(sed -n 's/^listening on //p' "$folder/out") && [ -n "$address" ]; do
        kill -0 "$server" || { tail -5 "$folder/log" >&2; exit 1; }
        sleep 0.02
    done
    opened=$(($(now_ms) - begun))
}
stop() {
    kill "-$1" "$server"
    wait "$server" 2> /dev/null || true
    kill "$sampler"
    wait "$sampler" 2> /dev/null || true
    server='' sampler=''
}
bench() { "$ANNALS" bench --server "$address" --table bench.small --event-bytes 1024 --partitions $partitions "$@"; }
say() { printf '%-58s %4s MiB   %s\n' "$1" "$(peak)" "$2"; }

start
begun=$(now_ms)
bench tail --events "$events" --json > "$folder/tail.json"
stored=$(du -sm "$folder/store" | cut -f 1)
say "stored and tailed $events events of 1 KiB, once each" "$((($(now_ms) - begun) / 1000)) s, $stored MiB on disk"
bench scan --events-each $((events / partitions)) --range 200 --callers 8 --json > "$folder/scan.json"
say 'scanned ranges of 200 events, 8 at once, for 10 s' ''
stop TERM
start
say 'started again after a stop' "$opened ms"
"$ANNALS" count bench.small --server "$address" > "$folder/count"
say 'counted everything after that' "$(tr '\n' ' ' < "$folder/count")"
bench session --time 1h --json > "$folder/session.json" 2> /dev/null &
client=$!
sleep 8
say 'appended for 8 s' ''
stop KILL
wait "$client" 2> /dev/null || true
journal=$(du -sm "$folder/store/journal" | cut -f 1)
start
say 'opened after kill -9 in the middle of appends' "$opened ms, $journal MiB of journal files"
"$ANNALS" count bench.small --server "$address" > "$folder/count"
say 'counted everything after that' "$(tr '\n' ' ' < "$folder/count")"
stop TERM
kills=$(awk '/^oom_kill / { print $2 }' "$group/$events_file")
echo "the limit of $((limit / 1024 / 1024)) MiB ended it ${kills:-0} times"
[ "${kills:-0}" = 0 ]
