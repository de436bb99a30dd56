#!/usr/bin/env bash
# Becomes a Cassandra node on loopback: start.sh INSTALLED DATA SETTING PORT STORAGE_PORT JMX_PORT. SETTING is `synced`,
# where a write is synced before its answer, or `default`, where that happens every ten seconds.
set -euo pipefail
lib=$1/lib data=$2 setting=$3 port=$4 storage=$5 jmx=$6
here=$(cd "$(dirname "$0")" && pwd)
data=$(cd "$data" && pwd)
configuration=$data/cassandra.yaml
cp "$here/cassandra.yaml" "$configuration"
cat >>"$configuration" <<END
native_transport_port: $port
storage_port: $storage
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{seeds: "127.0.0.1:$storage"}]
data_file_directories: [$data/data]
commitlog_directory: $data/commitlog
saved_caches_directory: $data/saved_caches
hints_directory: $data/hints
cdc_raw_directory: $data/cdc
END
if [ "$setting" = synced ]; then
    echo 'commitlog_sync: batch'
else
    echo 'commitlog_sync: periodic'
    echo 'commitlog_sync_period: 10000ms'
fi >>"$configuration"
exec java "@$here/jvm.args" -javaagent:"$lib/jamm-0.4.0.jar" -cp "$here:$lib/*" \
    -Dcassandra.config="file://$configuration" -Dcassandra.storagedir="$data" -Dcassandra.logdir="$data/log" \
    -Dcassandra.jmx.local.port="$jmx" -Dcassandra-foreground=yes -Dcassandra.ring_delay_ms=1 \
    -Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.superuser_setup_delay_ms=-1 \
    org.apache.cassandra.service.CassandraDaemon
