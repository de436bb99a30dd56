//! The directory: an index from partition key to counts and bounds, in the order of the keys.
//!
//! It holds nothing that the segments do not hold: it may be removed at any time and is then made again. It lags
//! behind them and says how far it has come: for each shard through which sequence, and above which floor. What lies
//! outside is the reader's to add. Nothing that decides an append may ask it.
//!
//! It lies in sled, whose writes reach the disk late and in no order that can be trusted. So entries are made durable
//! first (`sync`), and only then the note that says so may be relied upon; a batch that is applied a second time
//! after a crash changes nothing. sled can fail, hang or panic on files that a crash has left: opening it is the
//! caller's to put on a thread of its own, and a panic becomes an error here.
//!
//! Promises: what is noted as covered is in it, durably; sled's failures and panics come as errors.
//!
//! Does not: know segments, or say what is true: it may lag, and they are right.

mod covered;
mod entry;
mod keys;

use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use annals_model::{Sequence, Shard, TableId};

pub use covered::Covered;
pub use entry::PartitionEntry;

/// The version of the keys and values.
const FORMAT_VERSION: u32 = 2;

/// Why the directory cannot be used. Whatever it is, the answer is to remove it and make it again.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// sled refuses, or found its files broken.
    #[error("the directory in {}: {source}", path.display())]
    Sled {
        /// Where it lies.
        path: PathBuf,
        /// What sled says.
        source: sled::Error,
    },
    /// sled panicked.
    #[error("the directory in {}: sled panicked: {message}", path.display())]
    Panicked {
        /// Where it lies.
        path: PathBuf,
        /// The panic's message.
        message: String,
    },
    /// The operating system refused something.
    #[error("the directory in {}: {source}", path.display())]
    Io {
        /// Where it lies.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It belongs to another store, or to another version, or holds what this version would not write.
    #[error("the directory in {}: {what}", path.display())]
    Foreign {
        /// Where it lies.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// One shard's part of a partition, as a list gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedEntry {
    /// The partition's key.
    pub key: Vec<u8>,
    /// The shard.
    pub shard: Shard,
    /// What it holds.
    pub entry: PartitionEntry,
}

/// A change of one shard's part of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// These events came in addition, all after the sequence `after`; a part that has come further has them already.
    Add {
        /// What came.
        entry: PartitionEntry,
        /// The last sequence that came before.
        after: Sequence,
    },
    /// This is what the part holds now.
    Set(PartitionEntry),
    /// The part holds nothing any more.
    Remove,
}

/// The directory of a store. See the module.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    db: sled::Db,
}

impl Directory {
    /// Opens the directory in `path`, or makes an empty one. Takes as long as sled likes, and keeps some
    /// `cache_bytes` of its pages in memory.
    ///
    /// # Errors
    /// When it cannot be opened or is not the directory of the store `store` in this version.
    pub fn open(path: &Path, store: [u8; 16], cache_bytes: u64) -> Result<Self, DirectoryError> {
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(cache_bytes)
            .mode(sled::Mode::HighThroughput)
            // Nothing is durable before `sync`, and there is nothing to write while nobody writes.
            .flush_every_ms(None);
        let db = guarded(path, || config.open())?;
        let directory = Self { path: path.to_owned(), db };
        directory.check_identity(store)?;
        Ok(directory)
    }

    /// Removes the directory in `path`, if there is one.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn remove(path: &Path) -> Result<(), DirectoryError> {
        match fs::remove_dir_all(path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(DirectoryError::Io { path: path.to_owned(), source })
            }
            _ => Ok(()),
        }
    }

    fn check_identity(&self, store: [u8; 16]) -> Result<(), DirectoryError> {
        let mut identity = FORMAT_VERSION.to_le_bytes().to_vec();
        identity.extend_from_slice(&store);
        match self.get(keys::IDENTITY)? {
            Some(found) if *found == *identity => Ok(()),
            Some(_) => Err(self.foreign("it is of another store or another version")),
            None if self.guarded(|db| db.first())?.is_some() => Err(self.foreign("it does not say what it belongs to")),
            None => self.guarded(|db| db.insert(keys::IDENTITY, identity)).map(drop),
        }
    }

    /// What the directory covers of a shard; none if it never heard of it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn covered(&self, table: TableId, shard: Shard) -> Result<Option<Covered>, DirectoryError> {
        let Some(bytes) = self.get(&keys::shard(table, shard))? else { return Ok(None) };
        Covered::decode(&bytes).map(Some).ok_or_else(|| self.foreign("a shard's record is malformed"))
    }

    /// Notes what the directory covers of a shard. Call `sync` before, so that it is true after a crash as well, and
    /// before entries of events up to the target are written, so that a crash does not lose the target.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set_covered(&self, table: TableId, shard: Shard, covered: &Covered) -> Result<(), DirectoryError> {
        self.guarded(|db| db.insert(keys::shard(table, shard), covered.encode().as_slice())).map(drop)
    }

    /// How many partitions of a table have entries.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn partition_count(&self, table: TableId) -> Result<u64, DirectoryError> {
        let Some(bytes) = self.get(&keys::table(table))? else { return Ok(0) };
        let count: Option<[u8; 8]> = (*bytes).try_into().ok();
        count.map(u64::from_le_bytes).ok_or_else(|| self.foreign("a table's record is malformed"))
    }

    /// The entries of a partition, by shard.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn partition(&self, table: TableId, key: &[u8]) -> Result<Vec<(Shard, PartitionEntry)>, DirectoryError> {
        let prefix = keys::partition_shards(table, key);
        let entries = self.guarded(|db| db.scan_prefix(&prefix).collect::<sled::Result<Vec<_>>>())?;
        entries.iter().map(|(key, value)| self.parse(key, value).map(|listed| (listed.shard, listed.entry))).collect()
    }

    /// The entries of the next partitions in the byte order of their keys: of keys that begin with `prefix` and lie
    /// after `after`, at most `partitions_max` of them. All entries of a partition follow each other.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn list(
        &self,
        table: TableId,
        prefix: &[u8],
        after: Option<&[u8]>,
        partitions_max: usize,
    ) -> Result<Vec<ListedEntry>, DirectoryError> {
        let within = keys::partition_prefix(table, prefix);
        let start = after.map_or_else(Vec::new, |after| keys::after_partition(table, after)).max(within.clone());
        let mut listed: Vec<ListedEntry> = Vec::new();
        let mut partitions = 0;
        self.guarded(|db| {
            for record in db.range(start..) {
                let (key, value) = record?;
                if !key.starts_with(&within) {
                    break;
                }
                let Ok(entry) = self.parse(&key, &value) else {
                    return Err(sled::Error::Unsupported("an entry is malformed".to_owned()));
                };
                if listed.last().is_none_or(|last| last.key != entry.key) {
                    if partitions == partitions_max {
                        break;
                    }
                    partitions += 1;
                }
                listed.push(entry);
            }
            Ok(())
        })?;
        Ok(listed)
    }

    /// Applies changes to parts of partitions of one shard, all or none of them. Sorted keys are written faster.
    ///
    /// # Errors
    /// When the directory cannot be read or written.
    pub fn apply(&self, table: TableId, shard: Shard, changes: &[(&[u8], Change)]) -> Result<(), DirectoryError> {
        let mut batch = sled::Batch::default();
        let mut partitions = self.partition_count(table)?;
        for (key, change) in changes {
            let record = keys::partition(table, key, shard);
            let present = self.get(&record)?.map(|value| self.parse(&record, &value)).transpose()?;
            let next = match (change, &present) {
                (Change::Add { after, .. }, Some(present)) if present.entry.last_sequence > *after => continue,
                (Change::Add { entry, .. }, Some(present)) => {
                    let mut sum = present.entry;
                    sum.add(entry);
                    Some(sum)
                }
                (Change::Add { entry, .. }, None) | (Change::Set(entry), _) => Some(*entry),
                (Change::Remove, _) => None,
            };
            if next == present.as_ref().map(|present| present.entry) {
                continue;
            }
            if present.is_some() != next.is_some() && !self.lies_in_other_shards(table, key, shard)? {
                partitions = if next.is_some() { partitions + 1 } else { partitions.saturating_sub(1) };
            }
            match next {
                Some(entry) => batch.insert(record, entry.encode()),
                None => batch.remove(record),
            }
        }
        batch.insert(keys::table(table), &partitions.to_le_bytes());
        self.guarded(|db| db.apply_batch(batch))
    }

    fn lies_in_other_shards(&self, table: TableId, key: &[u8], shard: Shard) -> Result<bool, DirectoryError> {
        Ok(self.partition(table, key)?.iter().any(|(other, _)| *other != shard))
    }

    /// Removes at most `records_max` records of a table; tells whether none is left.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn remove_table(&self, table: TableId, records_max: usize) -> Result<bool, DirectoryError> {
        let mut removed = 0;
        for prefix in [keys::partition_prefix(table, b""), keys::shards(table)] {
            let found = self.guarded(|db| {
                db.scan_prefix(prefix).keys().take(records_max - removed).collect::<Result<Vec<_>, _>>()
            })?;
            removed += found.len();
            let mut batch = sled::Batch::default();
            for key in found {
                batch.remove(key);
            }
            self.guarded(|db| db.apply_batch(batch))?;
            if removed == records_max {
                return Ok(false);
            }
        }
        self.guarded(|db| db.remove(keys::table(table)))?;
        Ok(true)
    }

    /// The tables that have entries.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn tables(&self) -> Result<Vec<TableId>, DirectoryError> {
        let records = self.guarded(|db| db.scan_prefix(keys::TABLES).keys().collect::<Result<Vec<_>, _>>())?;
        records
            .iter()
            .map(|key| keys::parse_table(key).ok_or_else(|| self.foreign("a table's record is malformed")))
            .collect()
    }

    /// Makes all that was written durable. sled's own flush leaves it in the operating system's hands.
    ///
    /// # Errors
    /// When it cannot be written or synced.
    pub fn sync(&self) -> Result<(), DirectoryError> {
        self.guarded(|db| db.flush())?;
        let sync = || {
            for entry in fs::read_dir(&self.path)? {
                let path = entry?.path();
                if path.is_file() {
                    File::open(path)?.sync_all()?;
                }
            }
            File::open(&self.path)?.sync_all()
        };
        sync().map_err(|source| DirectoryError::Io { path: self.path.clone(), source })
    }

    /// Bytes on disk.
    ///
    /// # Errors
    /// When sled cannot tell.
    pub fn stored_bytes(&self) -> Result<u64, DirectoryError> {
        self.guarded(sled::Db::size_on_disk)
    }

    fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, DirectoryError> {
        self.guarded(|db| db.get(key))
    }

    fn parse(&self, key: &[u8], value: &[u8]) -> Result<ListedEntry, DirectoryError> {
        let parsed = keys::parse_partition(key).zip(PartitionEntry::decode(value));
        let ((key, shard), entry) = parsed.ok_or_else(|| self.foreign("a partition's record is malformed"))?;
        Ok(ListedEntry { key, shard, entry })
    }

    fn foreign(&self, what: &'static str) -> DirectoryError {
        DirectoryError::Foreign { path: self.path.clone(), what }
    }

    fn guarded<T>(&self, call: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, DirectoryError> {
        guarded(&self.path, || call(&self.db))
    }
}

/// Runs a call into sled; its error or its panic becomes ours.
fn guarded<T>(path: &Path, call: impl FnOnce() -> sled::Result<T>) -> Result<T, DirectoryError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|source| DirectoryError::Sled { path: path.to_owned(), source }),
        Err(panic) => {
            let message = panic
                .downcast_ref::<&str>()
                .map(|message| (*message).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            Err(DirectoryError::Panicked { path: path.to_owned(), message })
        }
    }
}

#[cfg(test)]
mod tests;
