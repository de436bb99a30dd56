//! Reads: pages of events in either order, counts, lists and figures.
//!
//! Every read is a plain function over a table's state. It is run where it was called, with leave to look in memory
//! only; if that is not enough it begins anew on the read pool, where it may wait for the disk. So a read that is
//! served from memory costs no hand-over, and no thread of the caller's ever waits. Reads that look at many partitions
//! go to the pool at once.
//!
//! Promises: an answer is as of the heads that it was asked for, whole or an error; a page ends within its bounds.
//!
//! Does not: keep anything for a reader between two pages.

mod arrivals;
mod count;
mod list;
mod partitions;
mod stats;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use annals_model::{CommitTime, HashSlices, PartitionKey, Sequence, Shard, TableId, TimeRange};
use annals_storage::segment::Access;

use super::directory_keeper::DirectoryService;
use super::pool::ReadPool;
use super::sources::SourceError;
use super::store::Store;
use super::table_state::TableState;
use annals_engine::{
    ArrivalPage, ArrivalRead, ArrivalScope, CountedScan, PartitionList, PartitionPage, PartitionRead,
    PartitionSelection, PartitionStats, ReadError, SizeEstimate, TableStats,
};
use list::ListError;

/// Reads a store.
#[derive(Debug)]
pub(crate) struct Reads {
    store: Arc<Store>,
    pool: ReadPool,
    directory: Arc<DirectoryService>,
}

impl Reads {
    /// Reads of `store`, whose directory `directory` gives.
    ///
    /// # Errors
    /// When the operating system refuses a thread.
    pub(crate) fn start(store: Arc<Store>, directory: Arc<DirectoryService>) -> std::io::Result<Self> {
        let pool = ReadPool::start(store.options().read_threads)?;
        Ok(Self { store, pool, directory })
    }

    /// The threads for what may wait.
    pub(crate) fn pool(&self) -> &ReadPool {
        &self.pool
    }

    /// See [`Engine::read_arrivals`](annals_engine::Engine::read_arrivals).
    pub(crate) async fn read_arrivals(&self, read: ArrivalRead) -> Result<ArrivalPage, ReadError> {
        let table = self.store.table(read.table)?;
        let (shard, is_by_key) = (read.shard, matches!(read.scope, ArrivalScope::Partitions(_)));
        let page = self.run(read.table, move |table, access| arrivals::read_arrivals(table, &read, access)).await?;
        if !is_by_key && page.events.len() > 1 {
            self.decode_ahead(&table, shard, page.next);
        }
        Ok(page)
    }

    /// Lets the pool decode the run after the one that a reader stands in, so that it finds it ready when it is there.
    fn decode_ahead(&self, table: &TableState, shard: Shard, next: Sequence) {
        let Ok(shard) = table.shard(shard) else { return };
        let view = shard.view();
        let [_, ahead, ..] = view.runs.between(next, Sequence::MAX) else { return };
        if ahead.stored().has_room_ahead() {
            let run = ahead.stored().clone();
            // What can't be decoded is the reader's error once it comes there, and a full queue has better to do.
            let _ = self.pool.post(move || drop(run.decode_ahead()));
        }
    }

    /// See [`Engine::read_partitions`](annals_engine::Engine::read_partitions).
    pub(crate) async fn read_partitions(&self, read: PartitionRead) -> Result<PartitionPage, ReadError> {
        let table = self.store.table(read.table)?;
        let page = self.run(read.table, move |table, access| partitions::read_partitions(table, &read, access)).await?;
        if page.next.is_some() {
            table.scan_lease().note_page(self.store.options().clock.monotonic_nanos());
        }
        Ok(page)
    }

    /// See [`Engine::count`](annals_engine::Engine::count).
    pub(crate) async fn count(&self, read: PartitionRead) -> Result<CountedScan, ReadError> {
        let (table, is_small) = (read.table, matches!(read.selection, PartitionSelection::Keys(_)));
        let count = move |table: &TableState, access| count::count(table, &read, access);
        if is_small { self.run(table, count).await } else { self.run_on_pool(table, count).await }
    }

    /// See [`Engine::estimate`](annals_engine::Engine::estimate).
    pub(crate) async fn estimate(
        &self,
        table: TableId,
        slices: &HashSlices,
        times: TimeRange,
    ) -> Result<SizeEstimate, ReadError> {
        let ranges = slices.token_ranges();
        self.run(table, move |table, access| stats::estimate(table, &ranges, times, access)).await
    }

    /// See [`Engine::find_commit_time`](annals_engine::Engine::find_commit_time).
    pub(crate) async fn find_commit_time(
        &self,
        table: TableId,
        shard: Shard,
        time: CommitTime,
    ) -> Result<Sequence, ReadError> {
        let now = self.store.ages().commit_horizon();
        self.run(table, move |table, access| stats::find_commit_time(table, shard, time, now, access)).await
    }

    /// See [`Engine::partition_stats`](annals_engine::Engine::partition_stats).
    pub(crate) async fn partition_stats(
        &self,
        table: TableId,
        key: &PartitionKey,
    ) -> Result<Option<PartitionStats>, ReadError> {
        let key = key.clone();
        self.run(table, move |table, access| stats::partition_stats(table, &key, access)).await
    }

    /// See [`Engine::table_stats`](annals_engine::Engine::table_stats).
    pub(crate) async fn table_stats(&self, table: TableId) -> Result<TableStats, ReadError> {
        let directory = Arc::clone(&self.directory);
        self.run_on_pool(table, move |table, access| {
            with_directory(&directory, |directory| list::count_partitions(table, directory, access))
                .map(|partition_count| stats::table_stats(table, partition_count))
        })
        .await
    }

    /// See [`Engine::list_partitions`](annals_engine::Engine::list_partitions).
    pub(crate) async fn list_partitions(&self, list: PartitionList) -> Result<Vec<PartitionStats>, ReadError> {
        let directory = Arc::clone(&self.directory);
        self.run_on_pool(list.table, move |table, access| {
            with_directory(&directory, |directory| list::list_partitions(table, &list, directory, access))
        })
        .await
    }

    /// Runs a read here if memory is enough for it, and on the pool if not.
    async fn run<T: Send + 'static>(
        &self,
        table: TableId,
        read: impl Fn(&TableState, Access) -> Result<T, SourceError> + Send + 'static,
    ) -> Result<T, ReadError> {
        match read(&*self.store.table(table)?, Access::CacheOnly) {
            Ok(answer) => Ok(answer),
            Err(SourceError::Failed(error)) => Err(error),
            Err(SourceError::NotCached) => self.run_on_pool(table, read).await,
        }
    }

    async fn run_on_pool<T: Send + 'static>(
        &self,
        table: TableId,
        read: impl Fn(&TableState, Access) -> Result<T, SourceError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let table = self.store.table(table)?;
        self.pool.run(move || read(&table, Access::Read)).await?.map_err(ReadError::from)
    }
}

/// Runs a read with the directory's help; without it if there is none, or if it turns out to be of no use.
fn with_directory<T>(
    service: &DirectoryService,
    read: impl Fn(Option<&annals_storage::directory::Directory>) -> Result<T, ListError>,
) -> Result<T, SourceError> {
    let directory = service.get();
    match read(directory.as_deref()) {
        Ok(answer) => Ok(answer),
        Err(ListError::Source(error)) => Err(error),
        Err(ListError::Directory(error)) => {
            service.report_broken(&error);
            match read(None) {
                Ok(answer) => Ok(answer),
                Err(ListError::Source(error)) => Err(error),
                Err(ListError::Directory(error)) => Err(ReadError::Io(error.to_string()).into()),
            }
        }
    }
}
