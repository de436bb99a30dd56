//! Looking at partitions.

use annals_engine::{Engine, PartitionList, PartitionStats};
use annals_model::{Fault, PartitionKey, Reason};
use bytes::Bytes;

use crate::lists::{PAGE_BYTES_MAX, page_entries};
use crate::{Action, Caller, Service, faults};

/// Which partitions a caller wants to see.
#[derive(Clone, Debug, Default)]
pub struct ListPartitions {
    /// Of this table.
    pub table: String,
    /// Only those whose keys begin with this.
    pub key_prefix: Bytes,
    /// At most so many; 0 leaves it to the service.
    pub page_size: i32,
    /// Where to go on, from an earlier page; empty: at the beginning.
    pub page_token: Bytes,
}

/// One page of partitions.
#[derive(Clone, Debug)]
pub struct PartitionPage {
    /// In the byte order of their keys.
    pub partitions: Vec<PartitionStats>,
    /// With which the list goes on; empty if nothing is left.
    pub next_page_token: Bytes,
}

impl<E: Engine> Service<E> {
    /// What a partition holds.
    ///
    /// # Errors
    /// `PartitionNotFound` when it holds nothing.
    pub async fn describe_partition(
        &self,
        caller: &Caller,
        table: &str,
        partition_key: Bytes,
    ) -> Result<PartitionStats, Fault> {
        let table = self.table(caller, Action::Read, table)?;
        let name = &table.definition.name;
        let key = PartitionKey::new(partition_key)
            .map_err(|error| Fault::of_field(Reason::InvalidPartitionKey, "partition_key", error.to_string()))?;
        let stats = self.engine.partition_stats(table.id, &key).await;
        let stats = stats.map_err(|error| faults::of_read(&error, name))?;
        let not_found =
            || Fault::new(Reason::PartitionNotFound, format!("table {name} holds no events of partition {key}"));
        stats.ok_or_else(not_found)
    }

    /// One page of partitions, in the order of their keys.
    ///
    /// # Errors
    /// When the table is not there, the page's size is negative, or the token is none.
    pub async fn list_partitions(&self, caller: &Caller, request: ListPartitions) -> Result<PartitionPage, Fault> {
        let table = self.table(caller, Action::Read, &request.table)?;
        let entries_max = page_entries(request.page_size, &self.limits)?;
        // The token is the last key given.
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
        let listed = self.engine.list_partitions(list).await;
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
        Ok(PartitionPage {
            next_page_token: last.map_or_else(Bytes::new, |stats| stats.key.to_bytes()),
            partitions: listed,
        })
    }
}
