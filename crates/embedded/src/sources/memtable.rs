//! A memtable as a source of a merge.
//!
//! A memtable gives answers that own what they hold, a stretch at a time, so that nothing stays locked between two
//! rows; the cursor asks for the next stretch when one is used up.

use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use annals_model::{EventTime, PartitionKey, Sequence, StoredEvent, Token};

use super::SourceError;
use crate::memtable::{Memtable, PartitionPlace, TimelineRead};
use crate::merge::{CountCursor, Flow, PartitionCursor, RowCursor, RowPlace, RowWindow};
use annals_engine::PageBounds;

/// Partitions that are looked up at a time.
const PARTITIONS_PER_STRETCH: usize = 64;

/// Events of a partition that are looked up at a time, so that a scan with a small limit does not touch all of them.
const EVENTS_PER_STRETCH: usize = 256;

/// Which partitions a cursor may stand on.
#[derive(Debug)]
enum Wanted {
    /// This one: found by its key, without putting the memtable's partitions in order.
    Partition(PartitionPlace),
    /// All up to this token.
    Through(Token),
}

/// A cursor over those events of a memtable that lie at or before a sequence.
#[derive(Debug)]
pub(crate) struct MemtableCursor {
    memtable: Arc<Memtable>,
    through: Sequence,
    wanted: Wanted,
    /// The partitions of this stretch that are not behind the cursor; the last one is under it.
    partitions: Vec<PartitionPlace>,
    /// Whether the memtable may hold more partitions after this stretch.
    has_more_partitions: bool,
    window: Option<RowWindow>,
    /// The rows of this stretch that are not behind the cursor; the last one is under it.
    events: Vec<StoredEvent>,
    /// Whether the window may hold more rows after this stretch.
    has_more_events: bool,
}

impl MemtableCursor {
    /// A cursor that sees events through `through` of one partition.
    pub(crate) fn of_partition(memtable: Arc<Memtable>, through: Sequence, token: Token, key: &PartitionKey) -> Self {
        Self::new(memtable, through, Wanted::Partition(PartitionPlace { token, key: key.to_bytes() }))
    }

    /// A cursor that sees events through `through` of partitions up to `last_token`.
    pub(crate) fn of_range(memtable: Arc<Memtable>, through: Sequence, last_token: Token) -> Self {
        Self::new(memtable, through, Wanted::Through(last_token))
    }

    fn new(memtable: Arc<Memtable>, through: Sequence, wanted: Wanted) -> Self {
        Self {
            memtable,
            through,
            wanted,
            partitions: Vec::new(),
            has_more_partitions: false,
            window: None,
            events: Vec::new(),
            has_more_events: false,
        }
    }

    fn load_partitions(&mut self, from: Bound<(Token, &[u8])>) {
        let mut partitions = match &self.wanted {
            Wanted::Partition(place) => {
                let is_within = (from, Bound::Unbounded).contains(&(place.token, &*place.key));
                Vec::from_iter(is_within.then(|| place.clone()))
            }
            Wanted::Through(last) => self.memtable.partitions_from(from, *last, PARTITIONS_PER_STRETCH),
        };
        self.has_more_partitions = partitions.len() == PARTITIONS_PER_STRETCH;
        partitions.reverse();
        self.partitions = partitions;
        self.close_window();
    }

    /// Loads the stretch of events after (time, sequence).
    fn load_events(&mut self, after: Option<(EventTime, Sequence)>) {
        let (Some(place), Some(window)) = (self.partitions.last(), self.window) else { return };
        let read = TimelineRead {
            times: window.times,
            through: self.through,
            order: window.order,
            after,
            bounds: PageBounds { events_max: EVENTS_PER_STRETCH, bytes_max: usize::MAX },
        };
        let page = self.memtable.partition_events(place.token, &place.key, &read);
        self.has_more_events = page.is_cut;
        self.events = page.events;
        self.events.reverse();
    }

    fn close_window(&mut self) {
        self.window = None;
        self.events.clear();
        self.has_more_events = false;
    }
}

impl PartitionCursor for MemtableCursor {
    type Error = SourceError;

    fn seek(&mut self, token: Token, key: &[u8]) -> Result<(), SourceError> {
        self.load_partitions(Bound::Included((token, key)));
        Ok(())
    }

    fn partition(&self) -> Option<(Token, &[u8])> {
        self.partitions.last().map(|place| (place.token, &*place.key))
    }

    fn leave(&mut self) -> Result<(), SourceError> {
        self.close_window();
        if let Some(left) = self.partitions.pop()
            && self.partitions.is_empty()
            && self.has_more_partitions
        {
            self.load_partitions(Bound::Excluded((left.token, &left.key)));
        }
        Ok(())
    }
}

impl RowCursor for MemtableCursor {
    fn enter(&mut self, window: &RowWindow) -> Result<(), SourceError> {
        self.window = Some(*window);
        self.load_events(window.after_in(self.memtable.shard()));
        Ok(())
    }

    fn row(&self) -> Option<RowPlace> {
        self.events.last().map(RowPlace::of)
    }

    fn visit_before(
        &mut self,
        bound: Option<RowPlace>,
        visit: &mut impl FnMut(StoredEvent) -> Flow,
    ) -> Result<Flow, SourceError> {
        let Some(window) = self.window else { return Ok(Flow::Continue) };
        let is_wanted =
            |event: &mut StoredEvent| bound.is_none_or(|bound| window.is_before(RowPlace::of(event), bound));
        while let Some(event) = self.events.pop_if(is_wanted) {
            let place = (event.time, event.sequence);
            if visit(event) == Flow::Stop {
                return Ok(Flow::Stop);
            }
            if self.events.is_empty() && self.has_more_events {
                self.load_events(Some(place));
            }
        }
        Ok(Flow::Continue)
    }
}

impl CountCursor for MemtableCursor {
    fn count(&mut self, window: &RowWindow) -> Result<u64, SourceError> {
        let Some(place) = self.partitions.last() else { return Ok(0) };
        Ok(self.memtable.count_events(place.token, &place.key, window.times, self.through))
    }
}
