//! Lists of partitions in the byte order of their keys.
//!
//! A page is made in two steps. First the next keys: those of the directory, and those of memtables and of runs that
//! the directory has not taken in yet. Then what each of them holds: the directory's entry, and what came after it.
//! An entry tells its last sequence, so what comes after it is known however far the directory comes meanwhile. Where
//! retention removed runs since the directory took them in, a page's partitions are looked up in the runs' indexes.

use std::collections::BTreeSet;
use std::sync::Arc;

use annals_model::{PartitionKey, Sequence, Shard, TimeRange, Token, TokenRange};
use annals_storage::directory::{Directory, DirectoryError, PartitionEntry};
use annals_storage::segment::Access;
use bytes::Bytes;

use super::stats::{memtable_entry, partition_of};
use crate::merge::{CountCursor, PartitionMerge, RowWindow};
use crate::runs::LiveRun;
use crate::shard_state::{ShardState, ShardView};
use crate::sources::{CountSource, SourceError};
use crate::sync::HashMap;
use crate::table_state::TableState;
use annals_engine::{PartitionList, PartitionStats, ReadError, ScanOrder};

/// Partitions that the directory may lack and that are looked up when a table's are counted; beyond these the count lags
/// behind until the directory has them.
const LOOKED_UP_MAX: usize = 100_000;

/// Why a list could not be made.
#[derive(Debug)]
pub(super) enum ListError {
    /// The directory is of no use; the list can be made without it.
    Directory(DirectoryError),
    /// The read fails.
    Source(SourceError),
}

impl From<SourceError> for ListError {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<DirectoryError> for ListError {
    fn from(error: DirectoryError) -> Self {
        Self::Directory(error)
    }
}

/// Lists partitions, with the directory's help if there is one.
pub(super) fn list_partitions(
    table: &TableState,
    list: &PartitionList,
    directory: Option<&Directory>,
    access: Access,
) -> Result<Vec<PartitionStats>, ListError> {
    let mut listed = Vec::new();
    let mut after: Option<Bytes> = list.after.as_ref().map(PartitionKey::to_bytes);
    loop {
        // Views before the directory: what it took in since lies in a view's memtable, and its entries tell so.
        let shards: Vec<ListedShard> = table.shards().iter().map(|shard| ListedShard::new(table, shard)).collect();
        let wanted = list.partitions_max - listed.len();
        let mut keys =
            NextKeys { prefix: &list.key_prefix, after: after.as_deref(), max: wanted, keys: BTreeSet::new() };
        let known = Known::read(table, &keys, &shards, directory)?;
        known.keys().for_each(|key| keys.add(key));
        for shard in &shards {
            shard.add_keys(known.reach(shard), &mut keys, access)?;
        }
        let is_end = keys.keys.len() < wanted;
        for key in &keys.keys {
            let mut whole = None;
            let token = Token::of(key);
            for shard in table.shards_of(TokenRange { first: token, last: token }) {
                let shard = &shards[shard.shard().index()];
                if let Some(part) = shard.part((token, key), known.reach(shard), known.entry(key, shard), access)? {
                    part.add_to(&mut whole);
                }
            }
            // A partition that retention has emptied may still be in the directory.
            if let Some(whole) = whole {
                let key = PartitionKey::new(key.clone()).map_err(|error| {
                    SourceError::from(ReadError::Damaged(format!("a stored key is invalid: {error}")))
                })?;
                listed.push(partition_of(key, token, &whole));
            }
        }
        if is_end || listed.len() >= list.partitions_max {
            return Ok(listed);
        }
        after = keys.keys.pop_last();
    }
}

/// How many partitions a table has, as far as the directory has come; without one all are counted.
pub(super) fn count_partitions(
    table: &TableState,
    directory: Option<&Directory>,
    access: Access,
) -> Result<u64, ListError> {
    let Some(directory) = directory else { return Ok(count_all(table, access)?) };
    let known = directory.partition_count(table.id())?;
    let mut newer: BTreeSet<Bytes> = BTreeSet::new();
    for shard in table.shards() {
        let shard = ListedShard::new(table, shard);
        let covered = directory.covered(table.id(), shard.shard)?;
        let reach = covered.map_or(Reach::Nothing, |covered| Reach::Entries(covered.last));
        for run in shard.runs_after(reach, false) {
            let mut partitions = run.stored().partitions(access).map_err(SourceError::from)?;
            while let Some(partition) = partitions.partition()
                && newer.len() < LOOKED_UP_MAX
            {
                newer.insert(partition.key.clone());
                partitions.advance(access).map_err(SourceError::from)?;
            }
        }
        for memtable in shard.view.memtables() {
            memtable.visit_partitions(shard.head, |partition| {
                if newer.len() < LOOKED_UP_MAX {
                    newer.insert(partition.place.key);
                }
            });
        }
    }
    let mut unknown = 0;
    for key in newer {
        unknown += u64::from(directory.partition(table.id(), &key)?.is_empty());
    }
    Ok(known + unknown)
}

fn count_all(table: &TableState, access: Access) -> Result<u64, SourceError> {
    let window = RowWindow { times: TimeRange::ALL, order: ScanOrder::Ascending, after: None };
    let mut sources = Vec::new();
    for shard in table.shards() {
        let head = table.board().head(shard.shard());
        CountSource::of_range(&shard.view(), head, TokenRange::ALL, &window.times, access, &mut sources);
    }
    let mut merge = PartitionMerge::new(sources);
    merge.seek(Token::MIN, b"")?;
    let mut partitions = 0;
    while merge.partition().is_some() {
        let mut rows = 0;
        for source in merge.holders() {
            rows += source.count(&window)?;
        }
        partitions += u64::from(rows > 0);
        merge.leave()?;
    }
    Ok(partitions)
}

/// The next keys of a list: the least `max` of those that were added.
struct NextKeys<'list> {
    prefix: &'list [u8],
    after: Option<&'list [u8]>,
    max: usize,
    keys: BTreeSet<Bytes>,
}

impl NextKeys<'_> {
    fn add(&mut self, key: &Bytes) {
        let is_listed = key.starts_with(self.prefix) && self.after.is_none_or(|after| &**key > after);
        let is_near = self.keys.len() < self.max || self.keys.last().is_some_and(|last| key < last);
        if is_listed && is_near && !self.keys.contains(key) {
            // The key's own bytes: a slice of a batch or page would hold all of it.
            self.keys.insert(Bytes::copy_from_slice(key));
            if self.keys.len() > self.max {
                self.keys.pop_last();
            }
        }
    }
}

/// How far the directory can be relied upon in a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Not at all: it has not taken in anything of it.
    Nothing,
    /// For keys up to this sequence, but not for what it says of them: runs that it took in are gone.
    Keys(Sequence),
    /// For entries up to this sequence.
    Entries(Sequence),
}

/// What the directory knows of the next keys.
#[derive(Default)]
struct Known {
    reach: Vec<Reach>,
    entries: HashMap<Bytes, Vec<(Shard, PartitionEntry)>>,
}

impl Known {
    fn read(
        table: &TableState,
        keys: &NextKeys<'_>,
        shards: &[ListedShard],
        directory: Option<&Directory>,
    ) -> Result<Self, DirectoryError> {
        let Some(directory) = directory else { return Ok(Self::default()) };
        let mut known = Self::default();
        for shard in shards {
            known.reach.push(match directory.covered(table.id(), shard.shard)? {
                Some(covered) if !shard.ends_run(covered.last) => Reach::Nothing,
                Some(covered) if covered.first == shard.view.first_retained => Reach::Entries(covered.last),
                Some(covered) => Reach::Keys(covered.last),
                None => Reach::Nothing,
            });
        }
        for listed in directory.list(table.id(), keys.prefix, keys.after, keys.max)? {
            known.entries.entry(Bytes::from(listed.key)).or_default().push((listed.shard, listed.entry));
        }
        Ok(known)
    }

    fn keys(&self) -> impl Iterator<Item = &Bytes> {
        self.entries.keys()
    }

    fn reach(&self, shard: &ListedShard) -> Reach {
        self.reach.get(shard.shard.index()).copied().unwrap_or(Reach::Nothing)
    }

    fn entry(&self, key: &Bytes, shard: &ListedShard) -> Option<PartitionEntry> {
        let entries = self.entries.get(key)?;
        entries.iter().find(|(of, _)| *of == shard.shard).map(|(_, entry)| *entry)
    }
}

/// A shard as a page sees it.
struct ListedShard {
    shard: Shard,
    view: Arc<ShardView>,
    head: Sequence,
}

impl ListedShard {
    fn new(table: &TableState, shard: &ShardState) -> Self {
        let head = table.board().head(shard.shard());
        Self { shard: shard.shard(), view: shard.view(), head }
    }

    /// Whether no run goes beyond `sequence` and begins before or at it.
    fn ends_run(&self, sequence: Sequence) -> bool {
        self.view.runs.iter().all(|run| sequence < run.summary().first || run.summary().last <= sequence)
    }

    /// The runs that may hold something that the directory does not tell.
    fn runs_after(&self, reach: Reach, is_value: bool) -> &[Arc<LiveRun>] {
        let from = match reach {
            Reach::Entries(through) => through.next(),
            Reach::Keys(through) if !is_value => through.next(),
            Reach::Keys(_) | Reach::Nothing => self.view.first_retained,
        };
        self.view.runs.between(from.max(self.view.first_retained), self.head)
    }

    /// Adds the keys that the directory may not have.
    fn add_keys(&self, reach: Reach, keys: &mut NextKeys<'_>, access: Access) -> Result<(), SourceError> {
        for run in self.runs_after(reach, false) {
            let mut partitions = run.stored().partitions(access)?;
            while let Some(partition) = partitions.partition() {
                keys.add(&partition.key);
                partitions.advance(access)?;
            }
        }
        for memtable in self.view.memtables() {
            memtable.visit_partitions(self.head, |partition| keys.add(&partition.place.key));
        }
        Ok(())
    }

    /// What the shard holds of a partition; none if nothing.
    fn part(
        &self,
        (token, key): (Token, &Bytes),
        reach: Reach,
        entry: Option<PartitionEntry>,
        access: Access,
    ) -> Result<Option<PartitionEntry>, SourceError> {
        let mut part = entry.filter(|_| matches!(reach, Reach::Entries(_)));
        let known_through = part.map_or(Sequence::ZERO, |entry| entry.last_sequence);
        let mut add = |found: PartitionEntry| {
            if found.last_sequence > known_through {
                found.add_to(&mut part);
            }
        };
        for run in self.runs_after(reach, true) {
            if let Some(partition) = run.stored().partition_stats(token, key, access)? {
                add(PartitionEntry::from(&partition));
            }
        }
        for memtable in self.view.memtables() {
            if let Some(summary) = memtable.partition_summary(token, key, self.head) {
                add(memtable_entry(&summary));
            }
        }
        Ok(part)
    }
}
