//! The cache of decoded blocks, indexes and tables of runs.

use std::fmt;
use std::sync::Arc;

use quick_cache::sync::Cache;
use quick_cache::{OptionsBuilder, Weighter};

use super::Access;
use crate::segment::layout::error::ReadError;
use crate::segment::layout::id::SegmentId;
use crate::segment::layout::page::PageKind;

/// A cache shard keeps nothing that is larger than itself, and the largest blocks have some MiB.
const SHARD_BYTES_MIN: usize = 16 * 1024 * 1024;

/// More shards gain nothing on machines with few cores.
const SHARDS_MAX: usize = 16;

/// What an entry takes besides the part itself.
const ENTRY_BYTES: usize = 96;

/// Which part of which run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PartKey {
    pub segment: SegmentId,
    pub run: u32,
    pub kind: PageKind,
    /// Of the page among those of its kind.
    pub number: u32,
}

/// A part of a run that is kept decoded. Which type it is follows from the key's kind.
pub(crate) trait Part: Send + Sync + 'static {
    /// What the part holds in memory.
    fn memory_bytes(&self) -> usize;
    /// The part for keeping.
    fn keep(this: Arc<Self>) -> Kept;
    /// The part as it was kept; none if another type was kept under its key.
    fn kept(kept: Kept) -> Option<Arc<Self>>;
}

macro_rules! parts {
    ($($name:ident: $type:ty),* $(,)?) => {
        /// A part of any type.
        #[derive(Clone)]
        pub(crate) enum Kept {
            $($name(Arc<$type>)),*
        }

        impl Kept {
            fn memory_bytes(&self) -> usize {
                match self {
                    $(Self::$name(part) => Part::memory_bytes(&**part)),*
                }
            }
        }

        $(impl Part for $type {
            fn memory_bytes(&self) -> usize {
                <$type>::memory_bytes(self)
            }

            fn keep(this: Arc<Self>) -> Kept {
                Kept::$name(this)
            }

            fn kept(kept: Kept) -> Option<Arc<Self>> {
                match kept {
                    Kept::$name(part) => Some(part),
                    _ => None,
                }
            }
        })*
    };
}

parts! {
    Block: crate::segment::layout::block::Block,
    RunIndex: crate::segment::layout::run_index::RunIndex,
    Partitions: crate::segment::layout::partitions::Partitions,
    Batches: crate::segment::layout::batches::BatchTable,
    Permutation: crate::segment::layout::permutation::Permutation,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<PartKey, Kept> for Bytes {
    fn weight(&self, _: &PartKey, kept: &Kept) -> u64 {
        (ENTRY_BYTES + kept.memory_bytes()) as u64
    }
}

/// Decoded parts of runs, up to a limit in bytes.
pub(crate) struct Parts(Cache<PartKey, Kept, Bytes>);

impl Parts {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        let shards = (limit_bytes / SHARD_BYTES_MIN).clamp(1, SHARDS_MAX);
        let options = OptionsBuilder::new()
            .estimated_items_capacity((limit_bytes / SHARD_BYTES_MIN).max(1) * 256)
            .weight_capacity(limit_bytes as u64)
            .shards(shards)
            .build()
            .expect("all options are given");
        Self(Cache::with_options(options, Bytes, <_>::default(), <_>::default()))
    }

    /// The part under `key`; read by `read` if it is not kept and `access` allows.
    pub(crate) fn get<T: Part>(
        &self,
        key: PartKey,
        access: Access,
        read: impl FnOnce() -> Result<T, ReadError>,
    ) -> Result<Arc<T>, ReadError> {
        let typed = |kept| T::kept(kept).expect("the kind in a key fixes the type under it");
        if let Some(kept) = self.0.get(&key) {
            return Ok(typed(kept));
        }
        match access {
            Access::CacheOnly => Err(ReadError::Miss),
            Access::Read => self.0.get_or_insert_with(&key, || Ok(T::keep(Arc::new(read()?)))).map(typed),
            Access::ReadOnce => read().map(Arc::new),
        }
    }

    /// What is kept, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.weight()
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parts({} of {} bytes)", self.0.weight(), self.0.capacity())
    }
}
