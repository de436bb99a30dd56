//! The partitions of a run: which there are, and of each its count and bounds.
//!
//! They lie in pages of their own, in the order of (token, key), under an index, so that listing partitions and
//! asking after one reads no events. This is the truth from which the directory is built.

use std::ops::Range;

use annals_model::{EventTime, Sequence, Token};
use bytes::Bytes;

use crate::segment::layout::error::Fault;
use crate::segment::layout::fields::Fields;
use crate::segment::layout::page::PagePlace;
use crate::segment::layout::row::Row;

/// A page of partitions is closed once it holds so much content. A read of all partitions of a table holds a decoded
/// page of every run, some three times as large, so pages are small.
const PARTITIONS_CONTENT_TARGET: usize = 8 * 1024;

/// The bytes of a partition besides its key: key length, events, last sequence, earliest time, latest time.
const PARTITION_BYTES: usize = 2 + 4 + 4 + 8 + 8;

/// The bytes of an index entry besides its key: token, partitions, page length, content length, checksum, key length.
const ENTRY_BYTES: usize = 8 + 4 + 4 + 4 + 4 + 2;

/// What a run holds of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPartition {
    /// The key's token.
    pub token: Token,
    /// The key.
    pub key: Bytes,
    /// Events.
    pub event_count: u32,
    /// The earliest event time.
    pub min_time: EventTime,
    /// The latest event time.
    pub max_time: EventTime,
    /// The highest sequence.
    pub last_sequence: Sequence,
}

/// Collects the partitions of a run from its rows.
#[derive(Debug, Default)]
pub(crate) struct PartitionsBuilder {
    open: Option<Open>,
    page: PageBuilder,
    pages: Vec<PartitionsPage>,
    tokens: Vec<Token>,
}

/// A finished page, not yet placed in the run.
#[derive(Debug)]
pub(crate) struct PartitionsPage {
    pub content: Vec<u8>,
    first_token: Token,
    first_key: Vec<u8>,
    partitions: u32,
}

#[derive(Debug)]
struct Open {
    key: Vec<u8>,
    token: Token,
    events: u32,
    last_delta: u32,
    min_time: i64,
    max_time: i64,
}

#[derive(Debug, Default)]
struct PageBuilder {
    key_lengths: Vec<u8>,
    events: Vec<u8>,
    last_deltas: Vec<u8>,
    min_times: Vec<u8>,
    max_times: Vec<u8>,
    keys: Vec<u8>,
    first: Option<(Token, Vec<u8>)>,
    partitions: u32,
}

impl PartitionsBuilder {
    /// Whether the next row opens a partition: its key is not that of the row before.
    pub(crate) fn is_new(&self, row: &Row<'_>) -> bool {
        self.open.as_ref().is_none_or(|open| open.key != row.key())
    }

    /// The key of the partition of the last row; empty before the first.
    pub(crate) fn open_key(&self) -> &[u8] {
        self.open.as_ref().map_or(&[], |open| &open.key)
    }

    /// Counts a row, which lies `delta` behind the run's first sequence.
    pub(crate) fn push(&mut self, row: &Row<'_>, delta: u32, is_new: bool) {
        let time = row.time.unix_nanos();
        if is_new {
            let mut key = self.close_partition();
            key.clear();
            key.extend_from_slice(row.key());
            self.tokens.push(row.token);
            self.open =
                Some(Open { key, token: row.token, events: 0, last_delta: delta, min_time: time, max_time: time });
        }
        let open = self.open.as_mut().expect("the first row is new");
        open.events += 1;
        open.last_delta = open.last_delta.max(delta);
        // Rows of a partition come in the order of time.
        open.max_time = time;
    }

    /// Moves the open partition to its page; gives back its key's buffer.
    fn close_partition(&mut self) -> Vec<u8> {
        let Some(open) = self.open.take() else { return Vec::new() };
        let page = &mut self.page;
        page.first.get_or_insert_with(|| (open.token, open.key.clone()));
        let key_length = u16::try_from(open.key.len()).expect("a row's key length is a u16");
        page.key_lengths.extend_from_slice(&key_length.to_le_bytes());
        page.events.extend_from_slice(&open.events.to_le_bytes());
        page.last_deltas.extend_from_slice(&open.last_delta.to_le_bytes());
        page.min_times.extend_from_slice(&open.min_time.to_le_bytes());
        page.max_times.extend_from_slice(&open.max_time.to_le_bytes());
        page.keys.extend_from_slice(&open.key);
        page.partitions += 1;
        if page.partitions as usize * PARTITION_BYTES + page.keys.len() >= PARTITIONS_CONTENT_TARGET {
            self.close_page();
        }
        open.key
    }

    fn close_page(&mut self) {
        let page = std::mem::take(&mut self.page);
        let Some((first_token, first_key)) = page.first else { return };
        let count = page.partitions.to_le_bytes();
        let content = [
            &count[..],
            &page.key_lengths,
            &page.events,
            &page.last_deltas,
            &page.min_times,
            &page.max_times,
            &page.keys,
        ]
        .concat();
        self.pages.push(PartitionsPage { content, first_token, first_key, partitions: page.partitions });
    }

    /// All pages, and the tokens of all partitions in order.
    pub(crate) fn finish(mut self) -> (Vec<PartitionsPage>, Vec<Token>) {
        self.close_partition();
        self.close_page();
        (self.pages, self.tokens)
    }
}

/// The index over pages that were placed.
pub(crate) fn encode_index(pages: &[(PartitionsPage, PagePlace)]) -> Vec<u8> {
    let mut out = Vec::new();
    let count = u32::try_from(pages.len()).expect("a run has fewer pages than events");
    out.extend_from_slice(&count.to_le_bytes());
    for (page, place) in pages {
        out.extend_from_slice(&page.first_token.get().to_le_bytes());
        for word in [page.partitions, place.length, place.content_length, place.checksum] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        let key_length = u16::try_from(page.first_key.len()).expect("a row's key length is a u16");
        out.extend_from_slice(&key_length.to_le_bytes());
    }
    for (page, _) in pages {
        out.extend_from_slice(&page.first_key);
    }
    out
}

/// The index of a run's partition pages.
#[derive(Debug)]
pub(crate) struct PartitionIndex {
    content: Vec<u8>,
    pages: Box<[PageEntry]>,
}

#[derive(Debug)]
pub(crate) struct PageEntry {
    token: Token,
    key: Range<usize>,
    pub partitions: u32,
    pub page: PagePlace,
}

impl PartitionIndex {
    /// Reads an index of pages that begin at `offset` of the run, and of `partition_count` partitions together.
    pub(crate) fn decode(content: Vec<u8>, offset: u64, partition_count: u32) -> Result<Self, Fault> {
        let pages =
            parse_index(&content, offset).ok_or_else(|| Fault::content("a count, that many pages, and their keys"))?;
        if pages.iter().map(|page| u64::from(page.partitions)).sum::<u64>() != u64::from(partition_count) {
            return Err(Fault::content("pages that hold all partitions of the run"));
        }
        let index = Self { content, pages };
        if (1..index.pages.len()).any(|at| index.first(at - 1) >= index.first(at)) {
            return Err(Fault::content("pages in the order of their first partitions"));
        }
        Ok(index)
    }

    pub(crate) fn pages(&self) -> &[PageEntry] {
        &self.pages
    }

    fn first(&self, page: usize) -> (Token, &[u8]) {
        let entry = &self.pages[page];
        (entry.token, &self.content[entry.key.clone()])
    }

    /// The page that holds the partition, if any does; otherwise the one that would.
    pub(crate) fn find(&self, token: Token, key: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.pages.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.first(middle) <= (token, key) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low.saturating_sub(1)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.content.len() + size_of_val(&*self.pages)
    }
}

fn parse_index(content: &[u8], mut offset: u64) -> Option<Box<[PageEntry]>> {
    let mut fields = Fields(content);
    let count = fields.u32()? as usize;
    let mut entries = Fields(fields.bytes(count.checked_mul(ENTRY_BYTES)?)?);
    let mut key_start = content.len() - fields.0.len();
    let mut pages = Vec::with_capacity(count);
    for _ in 0..count {
        let (token, partitions) = (entries.token()?, entries.u32()?);
        let page =
            PagePlace { offset, length: entries.u32()?, content_length: entries.u32()?, checksum: entries.u32()? };
        let key = key_start..key_start + usize::from(entries.u16()?);
        offset = page.end();
        key_start = key.end;
        pages.push(PageEntry { token, key, partitions, page });
    }
    (key_start == content.len()).then(|| pages.into_boxed_slice())
}

/// A decoded page of partitions, in the order of (token, key).
#[derive(Debug)]
pub(crate) struct Partitions(Box<[RunPartition]>);

impl Partitions {
    /// Reads the content of a page of a run whose first sequence is `first`.
    pub(crate) fn decode(content: Vec<u8>, first: Sequence, event_count: u32) -> Result<Self, Fault> {
        let content = Bytes::from(content);
        let list = parse_page(&content, first, event_count)
            .ok_or_else(|| Fault::content("a count, that many partitions of the run, and their keys"))?;
        if list.windows(2).any(|pair| (pair[0].token, &pair[0].key) >= (pair[1].token, &pair[1].key)) {
            return Err(Fault::content("partitions in the order of token and key"));
        }
        Ok(Self(list))
    }

    pub(crate) fn list(&self) -> &[RunPartition] {
        &self.0
    }

    pub(crate) fn find(&self, token: Token, key: &[u8]) -> Option<&RunPartition> {
        let found = self.0.binary_search_by(|partition| (partition.token, &partition.key[..]).cmp(&(token, key)));
        found.ok().map(|at| &self.0[at])
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let keys: usize = self.0.iter().map(|partition| partition.key.len() + PARTITION_BYTES).sum();
        size_of_val(&*self.0) + keys
    }
}

fn parse_page(content: &Bytes, first: Sequence, event_count: u32) -> Option<Box<[RunPartition]>> {
    let mut fields = Fields(content);
    let count = fields.u32()? as usize;
    if count == 0 || count > fields.0.len() / PARTITION_BYTES {
        return None;
    }
    let [key_lengths, events, deltas, min_times, max_times] =
        [2, 4, 4, 8, 8].map(|width| fields.bytes(count * width).map(Fields));
    let (mut key_lengths, mut events, mut deltas) = (key_lengths?, events?, deltas?);
    let (mut min_times, mut max_times) = (min_times?, max_times?);
    let mut key_start = content.len() - fields.0.len();
    let mut list = Vec::with_capacity(count);
    for _ in 0..count {
        let key_length = usize::from(key_lengths.u16()?);
        let key = fields.bytes(key_length).filter(|key| !key.is_empty())?;
        let delta = deltas.u32().filter(|&delta| delta < event_count)?;
        list.push(RunPartition {
            token: Token::of(key),
            key: content.slice(key_start..key_start + key_length),
            event_count: events.u32().filter(|&events| (1..=event_count).contains(&events))?,
            min_time: min_times.time()?,
            max_time: max_times.time()?,
            last_sequence: first.advanced_by(u64::from(delta)),
        });
        key_start += key_length;
    }
    fields.end()?;
    Some(list.into_boxed_slice())
}
