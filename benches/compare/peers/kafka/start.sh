#!/usr/bin/env bash
# Becomes a Kafka broker on loopback: start.sh INSTALLED DATA SETTING PORT CONTROLLER_PORT. SETTING is `synced`, where
# every produce request is synced before its answer, or `default`, where the system writes when it likes.
set -euo pipefail
lib=$1/lib data=$2 setting=$3 port=$4 controller=$5
configuration=$data/server.properties
cp "$(dirname "$0")/server.properties" "$configuration"
cat >>"$configuration" <<END
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.quorum.voters=1@127.0.0.1:$controller
log.dirs=$data/log
END
[ "$setting" = synced ] && echo 'log.flush.interval.messages=1' >>"$configuration"
java='java -Xms1g -Xmx1g -XX:+UseG1GC'
if [ ! -d "$data/log" ]; then
    id=$($java -cp "$lib/*" kafka.tools.StorageTool random-uuid)
    $java -cp "$lib/*" kafka.tools.StorageTool format --cluster-id "$id" --config "$configuration"
fi
exec $java -cp "$lib/*" kafka.Kafka "$configuration"
