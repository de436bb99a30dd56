//! Reading: pages of a shard in arrival order, pages of partitions in time order.
//!
//! A read is one page: it says where to begin and how much to bring, and the page says where the next one begins.
//! Nothing is held between pages, so a reader that stalls costs nothing.

use std::sync::Arc;

use annals_model::{HashSlices, Moment, PartitionKey, ScanPosition, Sequence, Shard, StoredEvent, TableId, TimeRange};

/// How much one page may bring. A page holds at least one event if there is one, also past `bytes_max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageBounds {
    /// At most so many events; at least 1.
    pub events_max: usize,
    /// At most so many bytes of encoded events.
    pub bytes_max: usize,
}

/// Which events of a shard an arrival read wants.
#[derive(Clone, Debug)]
pub enum ArrivalScope {
    /// All.
    All,
    /// Those whose keys lie in the slices.
    Slices(HashSlices),
    /// Those of these partitions; found by their keys, at the partitions' cost and not the shard's.
    Partitions(Arc<[PartitionKey]>),
}

/// One page of a shard in arrival order.
#[derive(Clone, Debug)]
pub struct ArrivalRead {
    /// The table.
    pub table: TableId,
    /// The shard.
    pub shard: Shard,
    /// The first sequence wanted.
    pub from: Sequence,
    /// The last sequence wanted; past the head it means the head.
    pub through: Sequence,
    /// Which events.
    pub scope: ArrivalScope,
    /// How much.
    pub bounds: PageBounds,
}

/// Events of a shard by sequence.
#[derive(Clone, Debug)]
pub struct ArrivalPage {
    /// In the order of their sequences; those that the scope left out are not there.
    pub events: Vec<StoredEvent>,
    /// Where the next page begins: all before it is in this page or outside the scope. Past the last sequence wanted
    /// once nothing is left.
    pub next: Sequence,
}

/// Which partitions a read wants.
#[derive(Clone, Debug)]
pub enum PartitionSelection {
    /// These, in this order.
    Keys(Arc<[PartitionKey]>),
    /// All whose keys lie in the slices, in the order of (token, key).
    Slices(HashSlices),
}

/// The order of events within a partition: by (event time, sequence, shard). Partitions keep their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanOrder {
    /// Oldest event time first.
    Ascending,
    /// Newest event time first.
    Descending,
}

/// One page of partitions in time order, as of a moment.
#[derive(Clone, Debug)]
pub struct PartitionRead {
    /// The table.
    pub table: TableId,
    /// Events after this moment are left out.
    pub moment: Moment,
    /// What retention had removed when the moment was taken, by shard: as [`Engine::floor`](crate::Engine::floor) gave it
    /// after [`Engine::head`](crate::Engine::head) had given the moment. The read is of the events between the two.
    pub floor: Moment,
    /// Which partitions.
    pub selection: PartitionSelection,
    /// Which times.
    pub times: TimeRange,
    /// Which end first.
    pub order: ScanOrder,
    /// At most so many events of each partition.
    pub limit_per_partition: Option<u64>,
    /// Go on after this event; none for the first page.
    pub after: Option<ScanPosition>,
    /// How much.
    pub bounds: PageBounds,
}

/// Events of partitions in time order.
#[derive(Clone, Debug)]
pub struct PartitionPage {
    /// Partition by partition, in time order within each.
    pub events: Vec<StoredEvent>,
    /// The last event's position, from which the next page goes on; none once nothing is left.
    pub next: Option<ScanPosition>,
}

/// What a scan would return.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountedScan {
    /// Events.
    pub events: u64,
    /// Partitions with at least one of them.
    pub partitions: u64,
}

/// Roughly how much lies somewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SizeEstimate {
    /// Events.
    pub events: u64,
    /// Bytes of encoded events.
    pub bytes: u64,
}
