//! Looking at partitions.

use annals_engine::{Engine, PartitionList};
use annals_model::{Fault, PartitionKey, Reason};
use annals_wire::v1::{GetPartitionRequest, GetPartitionResponse, ListPartitionsRequest, ListPartitionsResponse};
use bytes::Bytes;

use super::render;
use crate::faults;
use crate::lists::{PAGE_BYTES_MAX, page_entries};
use crate::shared::Shared;

/// What a partition holds.
///
/// # Errors
/// `PartitionNotFound` when it holds nothing.
pub(crate) async fn get_partition<E: Engine>(
    shared: &Shared<E>,
    request: GetPartitionRequest,
) -> Result<GetPartitionResponse, Fault> {
    let table = shared.table(&request.table)?;
    let name = &table.definition.name;
    let key = PartitionKey::new(request.partition_key)
        .map_err(|error| Fault::of_field(Reason::InvalidPartitionKey, "partition_key", error.to_string()))?;
    let stats = shared.engine.partition_stats(table.id, &key).await;
    let stats = stats.map_err(|error| faults::of_read(&error, name))?;
    let not_found =
        || Fault::new(Reason::PartitionNotFound, format!("table {name} holds no events of partition {key}"));
    Ok(GetPartitionResponse { partition: Some(render::partition(&stats.ok_or_else(not_found)?)) })
}

/// One page of partitions, in the order of their keys. The page token is the last key given.
pub(crate) async fn list_partitions<E: Engine>(
    shared: &Shared<E>,
    request: ListPartitionsRequest,
) -> Result<ListPartitionsResponse, Fault> {
    let table = shared.table(&request.table)?;
    let entries_max = page_entries(request.page_size, &shared.limits)?;
    let after = (!request.page_token.is_empty()).then(|| PartitionKey::new(request.page_token)).transpose();
    let after = after.map_err(|_| {
        let description = "the page token is malformed; pass it back exactly as it was handed out";
        Fault::of_field(Reason::MalformedToken, "page_token", description)
    })?;
    let list = PartitionList {
        table: table.id,
        key_prefix: request.key_prefix.to_vec(),
        after,
        partitions_max: entries_max + 1,
    };
    let listed = shared.engine.list_partitions(list).await;
    let mut listed = listed.map_err(|error| faults::of_read(&error, &table.definition.name))?;
    let mut bytes = 0;
    let fits = listed.iter().take(entries_max).take_while(|stats| {
        bytes += stats.key.as_bytes().len();
        bytes <= PAGE_BYTES_MAX
    });
    let shown = fits.count().max(1).min(listed.len());
    let has_more = listed.len() > shown;
    listed.truncate(shown);
    let last = listed.last().filter(|_| has_more);
    Ok(ListPartitionsResponse {
        next_page_token: last.map_or_else(Bytes::new, |stats| stats.key.to_bytes()),
        partitions: listed.iter().map(render::partition).collect(),
    })
}
