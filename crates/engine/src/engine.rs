//! What a server asks of an engine. The promises that hold for all of it stand at the head of the crate.

use std::future::Future;

use annals_model::{
    Column, CommitTime, HashSlices, Moment, PartitionKey, Retention, Sequence, Shard, Table, TableDefinition, TableId,
    TableName, TimeRange,
};

use crate::append::{Append, Appended};
use crate::errors::{AppendError, CatalogError, ReadError};
use crate::head::HeadWatch;
use crate::read::{ArrivalPage, ArrivalRead, CountedScan, PartitionPage, PartitionRead, SizeEstimate};
use crate::tables::{PartitionList, PartitionStats, TableStats, TrimMode, Trimmed, UpdateTable};
use crate::watch_scope::WatchScope;

/// A store of events. See the crate's promises; each method adds what is its own.
///
/// All methods may be called from any task at any time. Dropping a future of `append` takes the append back only while
/// it waits for room; once it has its place, it may be committed all the same.
pub trait Engine: Send + Sync + 'static {
    /// The engine's name, as `GetServerInfo` shows it.
    fn name(&self) -> &'static str;

    /// Makes a table, durably, with the columns declared in it.
    ///
    /// # Errors
    /// `AlreadyExists` with the table that has the name; nothing is changed then.
    fn create_table(
        &self,
        definition: TableDefinition,
        columns: Vec<Column>,
    ) -> impl Future<Output = Result<Table, CatalogError>> + Send;

    /// The table of this name, as it stands now. Reads memory only.
    fn table(&self, name: &TableName) -> Option<Table>;

    /// All tables, in the order of their names, as they stand now. Reads memory only.
    fn tables(&self) -> Vec<Table>;

    /// Why a table that is not found may have been there all the same: the store is damaged, and its making lies where that
    /// cannot be read. None, unless an engine says so, where all tables are known.
    fn lost_tables(&self) -> Option<ReadError> {
        None
    }

    /// Changes what may change of a table, if its revision is the expected one: compare-and-set of its state.
    ///
    /// # Errors
    /// `RevisionChanged` when something else changed the table first: look again and try again.
    fn update_table(&self, update: UpdateTable) -> impl Future<Output = Result<Table, CatalogError>> + Send;

    /// Removes a table with all its events, durably. Its id is never used again.
    ///
    /// # Errors
    /// `Protected` while the table's deletion protection is set.
    fn drop_table(&self, table: TableId) -> impl Future<Output = Result<(), CatalogError>> + Send;

    /// Appends batches to shards of one table; answers once all of them are durable.
    ///
    /// An append asks for its place among the others when its future is first polled: of two that do, the first is
    /// committed first on the shards that they share, also where both must wait for room, unless it is refused. A
    /// session's order rests on this.
    ///
    /// Whether it has its place is told through [`Append::place`].
    ///
    /// All batches and new columns are checked before any is stored. Each shard's batch is committed whole or not at
    /// all; an engine may commit several shards one by one.
    ///
    /// # Errors
    /// Nothing of the append is stored, but for `Unknown`, after which it may or may not be.
    fn append(&self, append: Append) -> impl Future<Output = Result<Appended, AppendError>> + Send;

    /// The newest durable moment of a table. Reads memory only.
    ///
    /// # Errors
    /// `UnknownTable` when it was dropped.
    fn head(&self, table: TableId) -> Result<Moment, ReadError>;

    /// The first sequence of a shard that retention has not removed; the next one to be taken where it has removed all, or
    /// nothing came yet. Reads memory only.
    ///
    /// # Errors
    /// `UnknownTable` when it was dropped, `UnknownShard` when the table does not have the shard.
    fn first_retained(&self, table: TableId, shard: Shard) -> Result<Sequence, ReadError>;

    /// What retention has removed, by shard: the last sequence that is gone; zero where all is there. It only grows. Reads
    /// memory only.
    ///
    /// # Errors
    /// `UnknownTable` when it was dropped.
    fn floor(&self, table: TableId) -> Result<Moment, ReadError>;

    /// Watches the heads of a table. The watch is woken only by commits that its scope matches.
    ///
    /// # Errors
    /// `UnknownTable` when it was dropped.
    fn watch(&self, table: TableId, scope: WatchScope) -> Result<HeadWatch, ReadError>;

    /// Reads one page of a shard in arrival order.
    ///
    /// # Errors
    /// `Trimmed` when events at or after `from` are no longer stored.
    fn read_arrivals(&self, read: ArrivalRead) -> impl Future<Output = Result<ArrivalPage, ReadError>> + Send;

    /// Reads one page of partitions in time order, as of a moment.
    ///
    /// # Errors
    /// `MomentAhead` when the moment lies past the head. `ScanExpired` when retention has removed events between the read's
    /// floor and its moment from a shard that the read looks into, also if none of them were wanted: less than the moment
    /// held is never passed off as all of it.
    fn read_partitions(&self, read: PartitionRead) -> impl Future<Output = Result<PartitionPage, ReadError>> + Send;

    /// Counts what `read_partitions` would return over all its pages; `bounds` and `after` are not looked at.
    ///
    /// # Errors
    /// As `read_partitions`.
    fn count(&self, read: PartitionRead) -> impl Future<Output = Result<CountedScan, ReadError>> + Send;

    /// Estimates the size of what lies in slices and a time range, from indexes alone.
    ///
    /// # Errors
    /// `UnknownTable` when the table was dropped.
    fn estimate(
        &self,
        table: TableId,
        slices: &HashSlices,
        times: TimeRange,
    ) -> impl Future<Output = Result<SizeEstimate, ReadError>> + Send;

    /// The first sequence of a shard that was committed at or after a time; the one after the head if there is none.
    ///
    /// # Errors
    /// `Trimmed` when events committed at or after that time are no longer stored.
    fn find_commit_time(
        &self,
        table: TableId,
        shard: Shard,
        time: CommitTime,
    ) -> impl Future<Output = Result<Sequence, ReadError>> + Send;

    /// What a table holds now.
    ///
    /// # Errors
    /// `UnknownTable` when it was dropped.
    fn table_stats(&self, table: TableId) -> impl Future<Output = Result<TableStats, ReadError>> + Send;

    /// What a partition holds now; none if it holds nothing.
    ///
    /// # Errors
    /// `UnknownTable` when the table was dropped.
    fn partition_stats(
        &self,
        table: TableId,
        key: &PartitionKey,
    ) -> impl Future<Output = Result<Option<PartitionStats>, ReadError>> + Send;

    /// Lists partitions by key.
    ///
    /// # Errors
    /// `UnknownTable` when the table was dropped.
    fn list_partitions(
        &self,
        list: PartitionList,
    ) -> impl Future<Output = Result<Vec<PartitionStats>, ReadError>> + Send;

    /// Removes, or tells what it would remove, of the oldest events by a retention. Whole runs only: events go when
    /// all those that are stored with them are past a bound. A run is past an age when its last event is, and past a
    /// bound of bytes when the runs that stay take so many without it: so what stays is at least what was asked for,
    /// and the newest run goes by bytes only where none are to be kept. What is not in a run yet stays; an engine makes
    /// runs of it soon enough that it does not outlive an age by much.
    ///
    /// # Errors
    /// `Protected` is the caller's to check; this only fails as the catalog does.
    fn trim(
        &self,
        table: TableId,
        retention: Retention,
        mode: TrimMode,
    ) -> impl Future<Output = Result<Trimmed, CatalogError>> + Send;
}
