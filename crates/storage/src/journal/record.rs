//! The records in a journal frame's body: one after another, each with its kind and length.

use annals_model::{BatchBuilder, EventBatch, EventTime, Sequence, Shard, TableId};

use super::JournalFrame;
use crate::state::StateRecord;

pub(super) const RECORD_HEADER_BYTES: usize = 5;
pub(super) const BATCH: u8 = 1;
pub(super) const STATE: u8 = 2;
pub(super) const MARK: u8 = 3;

pub(super) const BATCH_HEADER_BYTES: usize = 32;
pub(super) const ROW_BYTES: usize = 18;

/// A record as it is read back.
#[derive(Clone, Debug)]
pub enum JournalRecord {
    /// Events of one shard.
    Batch(RecordedBatch),
    /// A change of the state.
    State(StateRecord),
    /// A mark.
    Mark(Mark),
}

/// Events of one shard with consecutive sequences.
#[derive(Clone, Debug)]
pub struct RecordedBatch {
    /// The table.
    pub table: TableId,
    /// The shard.
    pub shard: Shard,
    /// The sequence of the first event.
    pub first_sequence: Sequence,
    /// The events.
    pub events: EventBatch,
}

/// A frame of its own that holds no data: it moves the frame that a lying disk could lose off acknowledged events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nothing has come for a while.
    Idle,
    /// The store is closed; the manifest's edit of this number says so too.
    Close {
        /// The number of the manifest's `CleanClose`.
        edit: u64,
    },
}

impl Mark {
    pub(super) fn encode(self) -> [u8; 9] {
        let (kind, edit) = match self {
            Self::Idle => (0, 0),
            Self::Close { edit } => (1, edit),
        };
        let mut bytes = [kind; 9];
        bytes[1..].copy_from_slice(&edit.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        match bytes {
            [0, rest @ ..] if rest == [0; 8] => Ok(Self::Idle),
            [1, rest @ ..] if rest.len() == 8 => {
                Ok(Self::Close { edit: u64::from_le_bytes(rest.try_into().expect("8 bytes")) })
            }
            _ => Err(format!("a mark that this version does not know ({})", bytes.escape_ascii())),
        }
    }
}

/// Reads the records of a frame's body and hands each to `visit`, in order.
///
/// # Errors
/// What does not make sense, with its offset in the body; or what `visit` refuses.
pub(super) fn read_records(
    body: &[u8],
    count: u32,
    mut visit: impl FnMut(JournalRecord) -> Result<(), String>,
) -> Result<(), (usize, String)> {
    let mut at = 0;
    for nth in 1..=count {
        let rest = &body[at..];
        if rest.len() < RECORD_HEADER_BYTES {
            return Err((at, format!("the end of the body before record {nth} of {count}")));
        }
        let (header, rest) = rest.split_at(RECORD_HEADER_BYTES);
        let length = u32::from_le_bytes(header[1..].try_into().expect("4 bytes")) as usize;
        let payload = rest.get(..length).ok_or_else(|| (at + 1, format!("a record of {length} bytes")))?;
        decode(header[0], payload).and_then(&mut visit).map_err(|reason| (at, reason))?;
        at += RECORD_HEADER_BYTES + length;
    }
    if at == body.len() { Ok(()) } else { Err((at, format!("{} bytes after the last record", body.len() - at))) }
}

/// Whether a frame's body is records that make sense.
pub(crate) fn check_body(body: &[u8], count: u32) -> Result<(), (usize, String)> {
    read_records(body, count, |_| Ok(()))
}

fn decode(kind: u8, payload: &[u8]) -> Result<JournalRecord, String> {
    match kind {
        BATCH => decode_batch(payload).map(JournalRecord::Batch),
        STATE => StateRecord::decode(payload).map(JournalRecord::State),
        MARK => Mark::decode(payload).map(JournalRecord::Mark),
        _ => Err(format!("a record of kind {kind}, which this version does not know")),
    }
}

fn decode_batch(payload: &[u8]) -> Result<RecordedBatch, String> {
    let (header, rest) = payload.split_at_checked(BATCH_HEADER_BYTES).ok_or("a batch shorter than a batch's header")?;
    let count = u32::from_le_bytes(header[28..32].try_into().expect("4 bytes")) as usize;
    let (rows, mut events) = count
        .checked_mul(ROW_BYTES)
        .and_then(|bytes| rest.split_at_checked(bytes))
        .ok_or_else(|| format!("a batch of {count} events in {} bytes", rest.len()))?;
    let mut batch = BatchBuilder::with_capacity(count, events.len());
    for row in rows.chunks_exact(ROW_BYTES) {
        let u32_at = |at: usize| u32::from_le_bytes(row[at..at + 4].try_into().expect("4 bytes")) as usize;
        let length = u32_at(0);
        let key_start = u32_at(4);
        let key_length = usize::from(u16::from_le_bytes(row[8..10].try_into().expect("2 bytes")));
        let time = i64::from_le_bytes(row[10..18].try_into().expect("8 bytes"));
        let (event, rest) = events
            .split_at_checked(length)
            .ok_or_else(|| format!("an event of {length} bytes past the batch's end"))?;
        if key_length == 0 || key_start + key_length > length {
            return Err(format!("a key of {key_length} bytes at byte {key_start} of an event of {length} bytes"));
        }
        batch.push(&[event], key_start..key_start + key_length, EventTime::from_unix_nanos(time));
        events = rest;
    }
    if !events.is_empty() || count == 0 {
        return Err(format!("a batch of {count} events with {} bytes after them", events.len()));
    }
    Ok(RecordedBatch {
        table: TableId::from_bytes(header[..16].try_into().expect("16 bytes")),
        shard: Shard::new(u32::from_le_bytes(header[16..20].try_into().expect("4 bytes"))),
        first_sequence: Sequence::new(u64::from_le_bytes(header[20..28].try_into().expect("8 bytes"))),
        events: batch.finish(),
    })
}

impl JournalFrame {
    /// Adds events of one shard, which take the sequences from `first_sequence` on.
    ///
    /// # Panics
    /// When the batch is empty, or longer than 4 GiB.
    pub fn push_batch(&mut self, table: TableId, shard: Shard, first_sequence: Sequence, batch: &EventBatch) {
        assert!(!batch.is_empty(), "a batch has events");
        let length = BATCH_HEADER_BYTES + batch.len() * ROW_BYTES + batch.bytes().len();
        self.begin(BATCH, length);
        let mut header = [0; BATCH_HEADER_BYTES];
        header[..16].copy_from_slice(table.as_bytes());
        header[16..20].copy_from_slice(&shard.get().to_le_bytes());
        header[20..28].copy_from_slice(&first_sequence.get().to_le_bytes());
        let count = u32::try_from(batch.len()).expect("a request has at most 100,000 events");
        header[28..32].copy_from_slice(&count.to_le_bytes());
        self.extend(&header);
        for row in batch.rows() {
            let mut bytes = [0; ROW_BYTES];
            bytes[..4].copy_from_slice(&row.length.to_le_bytes());
            bytes[4..8].copy_from_slice(&row.key_offset.to_le_bytes());
            bytes[8..10].copy_from_slice(&row.key_length.to_le_bytes());
            bytes[10..].copy_from_slice(&row.time.unix_nanos().to_le_bytes());
            self.extend(&bytes);
        }
        self.extend(batch.bytes());
    }

    /// Adds a change of the state.
    pub fn push_state(&mut self, record: &StateRecord) {
        let bytes = record.encode();
        self.begin(STATE, bytes.len());
        self.extend(&bytes);
    }

    /// Adds a mark.
    pub fn push_mark(&mut self, mark: Mark) {
        let bytes = mark.encode();
        self.begin(MARK, bytes.len());
        self.extend(&bytes);
    }
}
