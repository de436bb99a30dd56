//! Partitions.

use annals_engine::PartitionStats;
use annals_service::{ListPartitions, PartitionPage};
use annals_wire::v1::{self, ListPartitionsRequest, ListPartitionsResponse};

pub(crate) fn list_partitions(request: ListPartitionsRequest) -> ListPartitions {
    let ListPartitionsRequest { table, key_prefix, page_size, page_token } = request;
    ListPartitions { table, key_prefix, page_size, page_token }
}

pub(crate) fn partition(stats: &PartitionStats) -> v1::PartitionStats {
    v1::PartitionStats {
        partition_key: stats.key.to_bytes(),
        token: stats.token.get(),
        event_count: stats.event_count,
        min_time_unix_nanos: Some(stats.min_time.unix_nanos()),
        max_time_unix_nanos: Some(stats.max_time.unix_nanos()),
        last_sequence: stats.last_sequence.get(),
    }
}

pub(crate) fn partition_page(page: PartitionPage) -> ListPartitionsResponse {
    let partitions = page.partitions.iter().map(partition).collect();
    ListPartitionsResponse { partitions, next_page_token: page.next_page_token }
}
