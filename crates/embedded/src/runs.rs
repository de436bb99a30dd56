//! The runs of one shard that lie in segments.

use std::sync::Arc;

use annals_model::Sequence;
use annals_storage::segment::{self, RunSummary, SegmentId};

/// A segment file as the runs in views hold it: its file stays as long as one of them does.
#[derive(Debug)]
pub(crate) struct SegmentHandle(SegmentId);

impl SegmentHandle {
    /// The segment `id`.
    pub(crate) fn new(id: SegmentId) -> Arc<Self> {
        Arc::new(Self(id))
    }

    /// Which segment.
    pub(crate) fn id(&self) -> SegmentId {
        self.0
    }
}

/// One run in a segment.
#[derive(Debug)]
pub(crate) struct LiveRun {
    segment: Arc<SegmentHandle>,
    stored: segment::Run,
}

impl LiveRun {
    /// A run of `segment`.
    pub(crate) fn new(segment: Arc<SegmentHandle>, stored: segment::Run) -> Arc<Self> {
        debug_assert_eq!(segment.id(), stored.segment(), "the run lies in the segment");
        Arc::new(Self { segment, stored })
    }

    /// The segment that the run lies in.
    pub(crate) fn segment(&self) -> &Arc<SegmentHandle> {
        &self.segment
    }

    /// The run as storage reads it.
    pub(crate) fn stored(&self) -> &segment::Run {
        &self.stored
    }

    /// What the manifest says of the run.
    pub(crate) fn summary(&self) -> &RunSummary {
        self.stored.summary()
    }
}

/// A shard's runs in the order of their sequences, one after another without gap. Never changed in place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs(Vec<Arc<LiveRun>>);

impl Runs {
    /// Runs that follow each other.
    pub(crate) fn new(runs: Vec<Arc<LiveRun>>) -> Self {
        debug_assert!(
            runs.windows(2).all(|pair| pair[0].summary().last.next() == pair[1].summary().first),
            "runs follow each other"
        );
        Self(runs)
    }

    /// The runs, the oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<LiveRun>> + ExactSizeIterator {
        self.0.iter()
    }

    /// The first sequence that lies in a run; none without runs.
    pub(crate) fn first(&self) -> Option<Sequence> {
        self.0.first().map(|run| run.summary().first)
    }

    /// The last sequence that lies in a run; none without runs.
    pub(crate) fn last(&self) -> Option<Sequence> {
        self.0.last().map(|run| run.summary().last)
    }

    /// The runs with sequences from `from` through `through`, the oldest first.
    pub(crate) fn between(&self, from: Sequence, through: Sequence) -> &[Arc<LiveRun>] {
        let start = self.0.partition_point(|run| run.summary().last < from);
        let end = self.0.partition_point(|run| run.summary().first <= through);
        &self.0[start..end.max(start)]
    }

    /// The runs with `new` in the place of `old`, which follow each other here; as they are if `old` are not here.
    pub(crate) fn replaced(&self, old: &[Arc<LiveRun>], new: &[Arc<LiveRun>]) -> Self {
        let Some(first) = old.first() else { return self.clone() };
        let Some(at) = self.0.iter().position(|run| Arc::ptr_eq(run, first)) else { return self.clone() };
        let mut runs = self.0.clone();
        runs.splice(at..at + old.len(), new.iter().cloned());
        Self::new(runs)
    }

    /// The runs with `newer` behind them.
    pub(crate) fn followed_by(&self, newer: impl IntoIterator<Item = Arc<LiveRun>>) -> Self {
        Self::new(self.0.iter().cloned().chain(newer).collect())
    }
}
