//! Pages of a shard in arrival order.
//!
//! Runs, frozen memtables and the active one hold consecutive sequences, so a page walks them from the oldest that
//! holds a wanted sequence on. A page that names partitions finds their rows by key in each, and puts those of one
//! run or memtable in order before it goes to the next: it costs what the partitions cost, not what the shard does.

use annals_model::{HashSlices, PartitionKey, Sequence, StoredEvent, TimeRange, Token};
use bytes::Bytes;

use crate::memtable::Memtable;
use crate::merge::Flow;
use crate::runs::LiveRun;
use crate::shard_state::ShardView;
use crate::sources::SourceError;
use crate::table_state::TableState;
use annals_engine::{ArrivalPage, ArrivalRead, ArrivalScope, PageBounds, ReadError};
use annals_storage::segment::Access;
use annals_storage::segment::Direction;

/// Events of a decoded run that are fetched from memory together.
const SEQUENCES_AHEAD: usize = 64;

/// Reads one page.
pub(super) fn read_arrivals(
    table: &TableState,
    read: &ArrivalRead,
    access: Access,
) -> Result<ArrivalPage, SourceError> {
    let shard = table.shard(read.shard)?;
    let head = table.board().head(read.shard);
    let view = shard.view();
    let from = read.from.max(Sequence::FIRST);
    if from < view.first_retained {
        return Err(ReadError::Trimmed { shard: read.shard, asked: from, first_retained: view.first_retained }.into());
    }
    if from > head.next() {
        return Err(table.past_head(read.shard, from).into());
    }
    if from > head
        && read.through > head
        && let Some(lost) = table.lost_behind_head(read.shard)
    {
        return Err(lost.into());
    }
    let through = read.through.min(head);
    let mut page = ArrivalBuilder { bounds: read.bounds, events: Vec::new(), bytes: 0, next: from };
    if from <= through {
        match &read.scope {
            ArrivalScope::All => read_all(&view, (from, through), None, access, &mut page)?,
            ArrivalScope::Slices(slices) => read_all(&view, (from, through), Some(slices), access, &mut page)?,
            ArrivalScope::Partitions(keys) => read_keys(&view, (from, through), keys, access, &mut page)?,
        }
    }
    Ok(ArrivalPage { events: page.events, next: page.next })
}

/// The events of all partitions, or of those in some slices. A page ends early where the next run would have to be
/// decoded: its events share the memory of the run before, which can go once the page is answered.
fn read_all(
    view: &ShardView,
    (from, through): (Sequence, Sequence),
    slices: Option<&HashSlices>,
    access: Access,
    page: &mut ArrivalBuilder,
) -> Result<(), SourceError> {
    for run in view.runs.between(from, through) {
        let is_wanted = slices.is_none_or(|slices| {
            let tokens = run.summary().tokens();
            slices.token_ranges().iter().any(|range| range.overlaps(&tokens))
        });
        if is_wanted {
            let access = if page.events.is_empty() { access } else { Access::CacheOnly };
            match read_run(run, (page.next, through), slices, access, page) {
                Ok(Flow::Continue) => {}
                Ok(Flow::Stop) => return Ok(()),
                Err(SourceError::NotCached) if !page.events.is_empty() => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        page.pass(run.summary().last.min(through));
    }
    for memtable in view.memtables().filter(|memtable| memtable.next_sequence() > from) {
        if read_memtable(memtable, through, slices, page) == Flow::Stop {
            return Ok(());
        }
    }
    Ok(())
}

fn read_run(
    run: &LiveRun,
    (from, through): (Sequence, Sequence),
    slices: Option<&HashSlices>,
    access: Access,
    page: &mut ArrivalBuilder,
) -> Result<Flow, SourceError> {
    let arrivals = run.stored().arrivals(access)?;
    let last = run.summary().last.min(through);
    let mut sequence = from.max(run.summary().first);
    let mut wanted = Vec::with_capacity(SEQUENCES_AHEAD);
    while sequence <= last {
        while sequence <= last && wanted.len() < SEQUENCES_AHEAD {
            if slices.is_none_or(|slices| arrivals.token(sequence).is_some_and(|token| slices.contains(token))) {
                wanted.push(sequence);
            }
            sequence = sequence.next();
        }
        arrivals.look_ahead(&wanted);
        for wanted in wanted.drain(..) {
            if let Some(event) = arrivals.event(wanted)
                && page.add(event) == Flow::Stop
            {
                page.pass(wanted.previous());
                return Ok(Flow::Stop);
            }
        }
        page.pass(sequence.previous());
    }
    if last == run.summary().last {
        run.stored().pass();
    }
    Ok(Flow::Continue)
}

fn read_memtable(
    memtable: &Memtable,
    through: Sequence,
    slices: Option<&HashSlices>,
    page: &mut ArrivalBuilder,
) -> Flow {
    loop {
        // A head that is published is behind the memtable's end, so a memtable that is passed stays passed.
        let from = page.next;
        let bytes_max = page.bounds.bytes_max.saturating_sub(page.bytes);
        let batches = if from <= through { memtable.arrivals(from, through, bytes_max) } else { Vec::new() };
        if batches.is_empty() {
            return Flow::Continue;
        }
        for arrived in batches {
            for row in arrived.rows_between(from, through) {
                let token = arrived.batch.rows()[row].token;
                let is_wanted = slices.is_none_or(|slices| slices.contains(token));
                if is_wanted && page.add(arrived.stored_event(row)) == Flow::Stop {
                    return Flow::Stop;
                }
                page.pass(arrived.sequence_of(row));
            }
        }
    }
}

/// The events of some partitions.
fn read_keys(
    view: &ShardView,
    (from, through): (Sequence, Sequence),
    keys: &[PartitionKey],
    access: Access,
    page: &mut ArrivalBuilder,
) -> Result<(), SourceError> {
    let mut keys: Vec<(Token, Bytes)> = keys.iter().map(|key| (key.token(), key.to_bytes())).collect();
    keys.sort_unstable();
    keys.dedup();
    for run in view.runs.between(from, through) {
        let last = run.summary().last.min(through);
        let events = run_stretch(run, &keys, (page.next, last), access)?;
        if page.add_stretch(events, last) == Flow::Stop {
            return Ok(());
        }
    }
    for memtable in view.memtables().filter(|memtable| memtable.next_sequence() > from) {
        while page.next <= through && page.next < memtable.next_sequence() {
            let (events, last) = memtable_stretch(memtable, &keys, (page.next, through), page.room());
            if page.add_stretch(events, last) == Flow::Stop {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The events of some partitions in a run, in order.
fn run_stretch(
    run: &LiveRun,
    keys: &[(Token, Bytes)],
    (from, through): (Sequence, Sequence),
    access: Access,
) -> Result<Vec<StoredEvent>, SourceError> {
    let mut events = Vec::new();
    for (token, key) in keys {
        let Some(mut rows) = run.stored().partition(*token, key, TimeRange::ALL, Direction::Ascending, access)? else {
            continue;
        };
        while let Some(row) = rows.row() {
            if from <= row.sequence && row.sequence <= through {
                events.extend(rows.event());
            }
            rows.advance(access)?;
        }
    }
    events.sort_unstable_by_key(|event| event.sequence);
    Ok(events)
}

/// The next events of some partitions in a memtable, in order and complete up to the sequence that comes with them.
fn memtable_stretch(
    memtable: &Memtable,
    keys: &[(Token, Bytes)],
    (from, through): (Sequence, Sequence),
    bounds: PageBounds,
) -> (Vec<StoredEvent>, Sequence) {
    let mut events = Vec::new();
    // A partition that was cut holds back the others to where it was cut.
    let mut last = through.min(memtable.next_sequence().previous());
    for (token, key) in keys {
        let page = memtable.partition_arrivals((*token, key), (from, last), bounds);
        if page.is_cut
            && let Some(cut) = page.events.last()
        {
            last = cut.sequence;
        }
        events.extend(page.events);
    }
    events.retain(|event| event.sequence <= last);
    events.sort_unstable_by_key(|event| event.sequence);
    (events, last)
}

/// A page under way.
struct ArrivalBuilder {
    bounds: PageBounds,
    events: Vec<StoredEvent>,
    bytes: usize,
    next: Sequence,
}

impl ArrivalBuilder {
    /// Adds an event, or stops if the page has no room for it.
    fn add(&mut self, event: StoredEvent) -> Flow {
        let is_full =
            self.events.len() >= self.bounds.events_max || self.bytes + event.bytes.len() > self.bounds.bytes_max;
        if is_full && !self.events.is_empty() {
            return Flow::Stop;
        }
        self.bytes += event.bytes.len();
        self.next = event.sequence.next();
        self.events.push(event);
        Flow::Continue
    }

    /// Adds events that are complete up to `last`.
    fn add_stretch(&mut self, events: Vec<StoredEvent>, last: Sequence) -> Flow {
        for event in events {
            if self.add(event) == Flow::Stop {
                return Flow::Stop;
            }
        }
        self.pass(last);
        Flow::Continue
    }

    /// Notes that nothing up to `sequence` is left to read.
    fn pass(&mut self, sequence: Sequence) {
        self.next = self.next.max(sequence.next());
    }

    /// What still fits.
    fn room(&self) -> PageBounds {
        PageBounds {
            events_max: self.bounds.events_max.saturating_sub(self.events.len()).max(1),
            bytes_max: self.bounds.bytes_max.saturating_sub(self.bytes),
        }
    }
}
