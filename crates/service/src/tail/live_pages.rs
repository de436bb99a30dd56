//! Pages that live tails share: what many deliver is read and encoded once.
//!
//! Tails of whole shards, with all columns, stand at the same places while they are live, and near each other where they
//! have fallen behind together; each would read and encode the same events. So the first that comes to a place leaves its
//! page here, as it goes into an answer, for those that come after it. A tail that begins between two places reads up to
//! where the next page begins, and shares from there on. One that has never been live does not share: it has its place,
//! in what is long stored, to itself.
//!
//! Promises: a page has all events from its first sequence through its last, and nothing else; pages have no more bytes
//! than the limit, the oldest goes first. Does not wait, and keeps nothing for a tail that is slow: what is gone it reads
//! from the store, as tails do that are alone with their table. Does not know what retention has removed since: whoever
//! finds a page asks the store whether the page's first event is still there.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use annals_engine::PageBounds;
use annals_model::{EventTime, Sequence, Shard, StoredEvent, TableId};

use super::encoded_page::EncodedPage;

/// Consecutive events of one shard, as a door's answers carry them.
#[derive(Clone, Debug)]
pub(super) struct LivePage<P> {
    pub(super) last: Sequence,
    pub(super) event_count: usize,
    /// Bytes of the events alone.
    pub(super) event_bytes: usize,
    pub(super) max_time: Option<EventTime>,
    pub(super) encoded: P,
}

/// The pages of one door, encoded as `P`.
#[derive(Debug)]
pub struct LivePages<P> {
    bytes_max: usize,
    state: Mutex<State<P>>,
}

#[derive(Debug)]
struct State<P> {
    /// How many tails may share, by table.
    tails: HashMap<TableId, usize>,
    pages: BTreeMap<Place, LivePage<P>>,
    /// The places of the pages, the oldest page's first.
    order: VecDeque<Place>,
    bytes: usize,
}

/// Where a page begins.
type Place = (TableId, Shard, Sequence);

/// One tail's part in the pages of its table, until it is dropped.
#[derive(Debug)]
pub(super) struct Sharing<P: EncodedPage> {
    pages: Arc<LivePages<P>>,
    table: TableId,
}

/// What there is for a tail that goes on from some sequence.
#[derive(Debug)]
pub(super) enum Found<P> {
    /// The page that begins there.
    Page(LivePage<P>),
    /// It lies within a page that ends with this sequence.
    Within(Sequence),
    Nothing,
}

impl<P: EncodedPage> LivePage<P> {
    /// The page of `events`, which lie one behind the other up to `last`.
    pub(super) fn new(events: &[StoredEvent], last: Sequence) -> Self {
        Self {
            last,
            event_count: events.len(),
            event_bytes: events.iter().map(|event| event.bytes.len()).sum(),
            max_time: events.iter().map(|event| event.time).max(),
            encoded: P::encode(events),
        }
    }

    /// Whether a response that has so much room takes the page.
    pub(super) fn fits(&self, room: PageBounds) -> bool {
        self.event_count <= room.events_max && self.event_bytes <= room.bytes_max
    }
}

impl<P: EncodedPage> LivePages<P> {
    pub(crate) fn new(bytes_max: usize) -> Arc<Self> {
        let state = State { tails: HashMap::new(), pages: BTreeMap::new(), order: VecDeque::new(), bytes: 0 };
        Arc::new(Self { bytes_max, state: Mutex::new(state) })
    }

    /// A tail that delivers whole shards of the table.
    pub(super) fn join(self: &Arc<Self>, table: TableId) -> Sharing<P> {
        *self.lock().tails.entry(table).or_default() += 1;
        Sharing { pages: Arc::clone(self), table }
    }

    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: EncodedPage> Sharing<P> {
    /// Whether there is another tail to share with.
    pub(super) fn is_shared(&self) -> bool {
        self.pages.bytes_max > 0 && self.pages.lock().tails.get(&self.table).is_some_and(|&tails| tails > 1)
    }

    pub(super) fn find(&self, shard: Shard, from: Sequence) -> Found<P> {
        let state = self.pages.lock();
        let upto = (self.table, shard, Sequence::ZERO)..=(self.table, shard, from);
        match state.pages.range(upto).next_back() {
            Some((&(_, _, first), page)) if first == from => Found::Page(page.clone()),
            Some((_, page)) if from <= page.last => Found::Within(page.last),
            _ => Found::Nothing,
        }
    }

    /// Leaves a page for the other tails.
    pub(super) fn leave(&self, shard: Shard, first: Sequence, page: LivePage<P>) {
        let mut state = self.pages.lock();
        let place = (self.table, shard, first);
        // Two threads may have made the same page at once.
        if state.pages.contains_key(&place) {
            return;
        }
        state.bytes += page.encoded.byte_count();
        state.pages.insert(place, page);
        state.order.push_back(place);
        while state.bytes > self.pages.bytes_max {
            let Some(oldest) = state.order.pop_front() else { break };
            state.remove(&oldest);
        }
    }
}

impl<P: EncodedPage> Drop for Sharing<P> {
    fn drop(&mut self) {
        let mut state = self.pages.lock();
        let left = state.tails.get_mut(&self.table).map_or(0, |tails| {
            *tails -= 1;
            *tails
        });
        if left == 0 {
            state.tails.remove(&self.table);
        }
        if left <= 1 {
            let unshared: Vec<Place> = state.order.iter().filter(|(table, ..)| *table == self.table).copied().collect();
            state.order.retain(|(table, ..)| *table != self.table);
            for place in &unshared {
                state.remove(place);
            }
        }
    }
}

impl<P: EncodedPage> State<P> {
    fn remove(&mut self, place: &Place) {
        if let Some(page) = self.pages.remove(place) {
            self.bytes -= page.encoded.byte_count();
        }
    }
}

#[cfg(test)]
mod tests {
    use annals_model::{CommitTime, Token};
    use bytes::Bytes;

    use super::*;

    const SHARD: Shard = Shard::new(3);

    fn table(number: u8) -> TableId {
        TableId::from_bytes([number; 16])
    }

    impl EncodedPage for Bytes {
        fn encode(events: &[StoredEvent]) -> Self {
            events.iter().flat_map(|event| event.bytes.iter().copied()).collect()
        }

        fn byte_count(&self) -> usize {
            self.len()
        }
    }

    fn pages_of(bytes_max: usize) -> Arc<LivePages<Bytes>> {
        LivePages::new(bytes_max)
    }

    fn page(first: u64, last: u64) -> LivePage<Bytes> {
        let event = |sequence| StoredEvent {
            bytes: Bytes::from(vec![7; 100]),
            key_offset: 0,
            key_length: 1,
            token: Token::MIN,
            // The latest is neither the first nor the last.
            time: EventTime::from_unix_nanos(i64::try_from(sequence ^ 1).expect("small")),
            shard: SHARD,
            sequence: Sequence::new(sequence),
            commit_time: CommitTime::from_unix_nanos(1),
        };
        LivePage::new(&(first..=last).map(event).collect::<Vec<_>>(), Sequence::new(last))
    }

    fn last_of(found: Found<Bytes>) -> Option<u64> {
        match found {
            Found::Page(page) => Some(page.last.get()),
            _ => None,
        }
    }

    #[test]
    fn a_page_is_found_where_it_begins_and_is_told_of_within() {
        let pages = pages_of(1_000_000);
        let (one, other) = (pages.join(table(1)), pages.join(table(1)));
        one.leave(SHARD, Sequence::new(10), page(10, 19));
        one.leave(SHARD, Sequence::new(20), page(20, 20));
        let Found::Page(found) = other.find(SHARD, Sequence::new(10)) else { panic!("not there") };
        assert_eq!((found.event_count, found.event_bytes), (10, 1_000));
        assert_eq!(found.max_time, Some(EventTime::from_unix_nanos(19)));
        assert_eq!(last_of(other.find(SHARD, Sequence::new(20))), Some(20));
        for within in [11, 19] {
            let found = other.find(SHARD, Sequence::new(within));
            assert!(matches!(found, Found::Within(end) if end.get() == 19), "{within}: {found:?}");
        }
        let [before, after] = [table(0), table(2)].map(|table| pages.join(table));
        let shards = [(SHARD, 9), (SHARD, 21), (Shard::new(2), 10), (Shard::new(4), 10)].map(|place| (&other, place));
        for (tail, (shard, from)) in shards.into_iter().chain([(&before, (SHARD, 10)), (&after, (SHARD, 10))]) {
            assert!(matches!(tail.find(shard, Sequence::new(from)), Found::Nothing), "{tail:?} {shard} {from}");
        }
    }

    #[test]
    fn a_page_fits_up_to_the_last_event_and_byte() {
        let page = page(1, 10);
        let room = |events_max, bytes_max| page.fits(PageBounds { events_max, bytes_max });
        assert!(room(10, 1_000));
        assert!(!room(9, 1_000) && !room(10, 999));
    }

    #[test]
    fn the_oldest_pages_go_first_and_the_limit_holds() {
        let length = page(1, 10).encoded.byte_count();
        let pages = pages_of(3 * length + length / 2);
        let (one, _other) = (pages.join(table(1)), pages.join(table(1)));
        for first in (101..=151).step_by(10) {
            one.leave(SHARD, Sequence::new(first), page(first, first + 9));
            // Left twice, it counts once.
            one.leave(SHARD, Sequence::new(first), page(first, first + 9));
            assert!(pages.lock().bytes <= pages.bytes_max);
        }
        let kept: Vec<_> =
            (101..=151).step_by(10).map(|first| last_of(one.find(SHARD, Sequence::new(first)))).collect();
        assert_eq!(kept, [None, None, None, Some(140), Some(150), Some(160)]);
        // One takes the place of several.
        one.leave(SHARD, Sequence::new(201), page(201, 230));
        let state = pages.lock();
        assert_eq!((state.pages.len(), state.order.len()), (1, 1));
        assert!(state.bytes <= pages.bytes_max);
    }

    #[test]
    fn nothing_is_shared_where_no_bytes_may_be_kept() {
        let pages = pages_of(0);
        let (one, other) = (pages.join(table(1)), pages.join(table(1)));
        assert!(!one.is_shared() && !other.is_shared());
        one.leave(SHARD, Sequence::new(1), page(1, 5));
        assert!(matches!(other.find(SHARD, Sequence::new(1)), Found::Nothing));
    }

    #[test]
    fn pages_go_with_the_last_but_one_of_a_tables_tails() {
        let pages = pages_of(1_000_000);
        let (one, of_another) = (pages.join(table(1)), [pages.join(table(2)), pages.join(table(2))]);
        assert!(!one.is_shared());
        let other = pages.join(table(1));
        assert!(one.is_shared() && other.is_shared());
        one.leave(SHARD, Sequence::new(1), page(1, 5));
        of_another[0].leave(SHARD, Sequence::new(1), page(1, 5));
        drop(other);
        assert!(!one.is_shared());
        assert_eq!((last_of(one.find(SHARD, Sequence::new(1))), pages.lock().pages.len()), (None, 1));
        drop((one, of_another));
        let state = pages.lock();
        assert!(state.tails.is_empty() && state.pages.is_empty() && state.order.is_empty() && state.bytes == 0);
    }
}
