//! What a caller asks to scan.

use annals_engine::ScanOrder;
use annals_model::EventTime;
use bytes::Bytes;

use crate::AskedSlices;

/// A scan as it is asked for; nothing of it is checked.
#[derive(Clone, Debug)]
pub struct ScanRequest {
    /// `keyspace.table`.
    pub table: String,
    /// The partitions, in the order in which they are wanted; none: all, or those of `hash_slices`.
    pub partition_keys: Vec<Bytes>,
    /// The partitions of these slices. Not beside `partition_keys`.
    pub hash_slices: Option<AskedSlices>,
    /// Events from this time on.
    pub start: Option<EventTime>,
    /// Events before this time.
    pub end: Option<EventTime>,
    /// Which end of a partition first.
    pub order: ScanOrder,
    /// At most so many events of each partition.
    pub limit_per_partition: Option<u64>,
    /// At most so many events in this call.
    pub limit: Option<u64>,
    /// Only these columns; none: all.
    pub columns: Vec<String>,
    /// Only events that match; empty: all.
    pub filter: String,
    /// A resume token whose moment the scan is of; empty: now.
    pub as_of: Bytes,
    /// Where to go on, from an earlier page of the same scan; empty: at the beginning.
    pub page_token: Bytes,
}

impl ScanRequest {
    /// All events of a table, as it stands now, oldest first in each partition.
    pub fn of(table: impl Into<String>) -> Self {
        Self {
            table: table.into(),
            partition_keys: Vec::new(),
            hash_slices: None,
            start: None,
            end: None,
            order: ScanOrder::Ascending,
            limit_per_partition: None,
            limit: None,
            columns: Vec::new(),
            filter: String::new(),
            as_of: Bytes::new(),
            page_token: Bytes::new(),
        }
    }
}
