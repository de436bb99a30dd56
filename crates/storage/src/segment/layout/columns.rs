//! The columns of a block's content, and its rows as they place them.
//!
//! Nothing of a block is trusted before it was gone through here: [`Columns::visit`] checks that each row's event and key lie
//! where they should, and that the rows are in order.

use annals_model::{EventTime, Token};

use crate::segment::layout::error::Fault;
use crate::segment::layout::fields::Fields;

/// The bytes of a row's columns: length, key offset, key length, time, sequence.
pub(crate) const ROW_COLUMN_BYTES: usize = 4 + 4 + 2 + 8 + 4;

/// A row as a block's columns have it, checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlacedRow {
    pub token: Token,
    pub time: EventTime,
    /// The event's first byte among those of the block.
    pub start: u32,
    pub length: u32,
    pub key_offset: u32,
    pub key_length: u16,
    /// How far the row's sequence lies behind the run's first.
    pub delta: u32,
    /// Whether the row before it, if there is one, has another key.
    pub begins_partition: bool,
}

impl PlacedRow {
    /// The event's key, where `events` are those of its block.
    pub(crate) fn key<'a>(&self, events: &'a [u8]) -> &'a [u8] {
        let start = self.start as usize + self.key_offset as usize;
        &events[start..start + usize::from(self.key_length)]
    }
}

/// The parts of a block's content. The columns are as long as the rows ask for.
#[derive(Debug)]
pub(crate) struct Columns<'a> {
    /// The events, end to end in the order of the rows.
    pub events: &'a [u8],
    lengths: &'a [u8],
    key_offsets: &'a [u8],
    key_lengths: &'a [u8],
    time_steps: &'a [u8],
    sequence_steps: &'a [u8],
}

impl<'a> Columns<'a> {
    pub(crate) fn split(content: &'a [u8]) -> Result<Self, Fault> {
        Self::parts(content).ok_or_else(|| Fault::content("a count of rows and that many rows' columns"))
    }

    fn parts(content: &'a [u8]) -> Option<Self> {
        let (content, count) = content.split_last_chunk()?;
        let rows = u32::from_le_bytes(*count) as usize;
        let columns = rows.checked_mul(ROW_COLUMN_BYTES).filter(|&columns| columns > 0)?;
        let (events, columns) = content.split_at(content.len().checked_sub(columns)?);
        let mut fields = Fields(columns);
        Some(Self {
            events,
            lengths: fields.bytes(rows * 4)?,
            key_offsets: fields.bytes(rows * 4)?,
            key_lengths: fields.bytes(rows * 2)?,
            time_steps: fields.bytes(rows * 8)?,
            sequence_steps: fields.bytes(rows * 4)?,
        })
    }

    /// How many rows.
    pub(crate) fn len(&self) -> usize {
        self.key_lengths.len() / 2
    }

    /// Checks every row, shows it to `visit`, and at last that the events fill their part to its end: what was visited is
    /// sound only once this has returned.
    pub(crate) fn visit(
        &self,
        event_count: u32,
        mut visit: impl FnMut(PlacedRow) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let (mut start, mut time, mut delta) = (0_u32, 0_i64, 0_u32);
        let mut last: Option<PlacedRow> = None;
        let columns = self
            .lengths
            .chunks_exact(4)
            .zip(self.key_offsets.chunks_exact(4))
            .zip(self.key_lengths.chunks_exact(2))
            .zip(self.time_steps.chunks_exact(8))
            .zip(self.sequence_steps.chunks_exact(4));
        for ((((length, key_offset), key_length), time_step), sequence_step) in columns {
            let (length, key_offset, key_length) = (word(length), word(key_offset), half(key_length));
            time = time.wrapping_add(i64::from_le_bytes(time_step.try_into().expect("chunks of eight")));
            delta = delta.wrapping_add(word(sequence_step));
            if delta >= event_count {
                return Err(Fault::content("sequences within the run"));
            }
            let key = key_in(self.events, start, length, key_offset, key_length)?;
            let time = EventTime::from_unix_nanos(time);
            let (token, begins_partition) = match &last {
                Some(last) if last.key(self.events) == key => {
                    if (last.time, last.delta) >= (time, delta) {
                        return Err(Fault::content("rows of a partition in the order of time and sequence"));
                    }
                    (last.token, false)
                }
                _ => {
                    let token = Token::of(key);
                    if last.is_some_and(|last| (last.token, last.key(self.events)) > (token, key)) {
                        return Err(Fault::content("rows in the order of token and key"));
                    }
                    (token, true)
                }
            };
            let row = PlacedRow { token, time, start, length, key_offset, key_length, delta, begins_partition };
            visit(row)?;
            last = Some(row);
            start += length;
        }
        if start as usize != self.events.len() {
            return Err(Fault::content("events that fill the block"));
        }
        Ok(())
    }
}

/// The key of an event, if the event lies in `events` and the key in the event.
fn key_in(events: &[u8], start: u32, length: u32, key_offset: u32, key_length: u16) -> Result<&[u8], Fault> {
    let end = start.checked_add(length).map(|end| end as usize);
    let event = end.and_then(|end| events.get(start as usize..end));
    let event = event.ok_or_else(|| Fault::content("events within the block"))?;
    let key_end = (key_offset as usize).checked_add(usize::from(key_length));
    let key = key_end.and_then(|end| event.get(key_offset as usize..end)).filter(|key| !key.is_empty());
    key.ok_or_else(|| Fault::content("a key within its event"))
}

fn word(four: &[u8]) -> u32 {
    u32::from_le_bytes(four.try_into().expect("chunks of four"))
}

fn half(two: &[u8]) -> u16 {
    u16::from_le_bytes(two.try_into().expect("chunks of two"))
}
