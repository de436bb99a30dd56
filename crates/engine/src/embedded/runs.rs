//! The runs of one shard that lie in segments.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use annals_model::Sequence;
use annals_storage::segment::{RunSummary, SegmentId};

/// A segment file as readers hold it. Its file is removed once the manifest no longer names it and nobody holds it.
#[derive(Debug)]
pub(crate) struct SegmentHandle {
    id: SegmentId,
    file_length: u64,
    is_removed: AtomicBool,
}

impl SegmentHandle {
    /// The segment `id`, of `file_length` bytes.
    pub(crate) fn new(id: SegmentId, file_length: u64) -> Arc<Self> {
        Arc::new(Self { id, file_length, is_removed: AtomicBool::new(false) })
    }

    /// Which segment.
    pub(crate) fn id(&self) -> SegmentId {
        self.id
    }

    /// Bytes of the file.
    pub(crate) fn file_length(&self) -> u64 {
        self.file_length
    }

    /// Notes that the manifest no longer names the segment.
    pub(crate) fn mark_removed(&self) {
        self.is_removed.store(true, Ordering::Release);
    }

    /// Whether the manifest no longer names the segment.
    pub(crate) fn is_removed(&self) -> bool {
        self.is_removed.load(Ordering::Acquire)
    }
}

/// One run in a segment.
#[derive(Debug)]
pub(crate) struct Run {
    segment: Arc<SegmentHandle>,
    /// The run's place among the segment's runs.
    index: u32,
    summary: RunSummary,
}

impl Run {
    /// The run at `index` of `segment`.
    pub(crate) fn new(segment: Arc<SegmentHandle>, index: u32, summary: RunSummary) -> Arc<Self> {
        Arc::new(Self { segment, index, summary })
    }

    /// The segment that the run lies in.
    pub(crate) fn segment(&self) -> &Arc<SegmentHandle> {
        &self.segment
    }

    /// The run's place among the segment's runs.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// What the manifest says of the run.
    pub(crate) fn summary(&self) -> &RunSummary {
        &self.summary
    }
}

/// A shard's runs in the order of their sequences, one after another without gap. Never changed in place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs(Vec<Arc<Run>>);

impl Runs {
    /// Runs that follow each other.
    pub(crate) fn new(runs: Vec<Arc<Run>>) -> Self {
        debug_assert!(
            runs.windows(2).all(|pair| pair[0].summary.last.next() == pair[1].summary.first),
            "runs follow each other"
        );
        Self(runs)
    }

    /// The runs, the oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Run>> + ExactSizeIterator {
        self.0.iter()
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The last sequence that lies in a run; none without runs.
    pub(crate) fn last(&self) -> Option<Sequence> {
        self.0.last().map(|run| run.summary.last)
    }

    /// The runs with sequences from `from` through `through`, the oldest first.
    pub(crate) fn between(&self, from: Sequence, through: Sequence) -> &[Arc<Run>] {
        let start = self.0.partition_point(|run| run.summary.last < from);
        let end = self.0.partition_point(|run| run.summary.first <= through);
        &self.0[start..end.max(start)]
    }
}
