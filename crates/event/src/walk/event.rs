//! The event message itself: its key, its time, its id and its columns, each at most once.

use std::ops::Range;

use annals_model::limits::{
    COLUMN_NAME_BYTES_MAX, EVENT_BYTES_MAX, EVENT_COLUMNS_MAX, EVENT_ID_BYTES, PARTITION_KEY_BYTES_MAX,
};
use annals_model::{ColumnType, EventTime};

use super::ids::EventIds;
use super::refusal::{Refusal, shown};
use super::shape::Shape;
use super::suffix::Suffix;
use super::tag::expect;
use super::value::walk_value;
use crate::encoding::cursor::{Cursor, WireType};

/// Knows which columns a table takes.
pub trait ColumnCheck {
    /// Tells whether a cell of this type may be stored in the column of this name. Not asked again for columns that
    /// it let pass and that the next events give in the same places.
    ///
    /// # Errors
    /// The refusal of the event.
    fn check(&mut self, name: &str, column_type: ColumnType) -> Result<(), Refusal>;
}

/// What the walk found in an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walked {
    /// Where the partition key lies.
    pub key: Range<usize>,
    /// The event's time, unless it was left out.
    pub time: Option<EventTime>,
    /// Whether the event has an id.
    pub has_id: bool,
}

impl Walked {
    /// The event's time, or `now`, and the bytes to append to the event for what was left out.
    pub fn complete(&self, now: EventTime, ids: &mut EventIds) -> (EventTime, Suffix) {
        let suffix =
            Suffix::new(if self.time.is_none() { Some(now) } else { None }, (!self.has_id).then(|| ids.next(now)));
        (self.time.unwrap_or(now), suffix)
    }
}

/// Walks the events of one request. Keeps the columns of the last event, so it belongs to one table and one schema.
#[derive(Debug, Default)]
pub struct Walker {
    shape: Shape,
}

/// The state of one walk.
struct Walk<'a, 'c, C> {
    event: &'a [u8],
    shape: &'a mut Shape,
    check: &'c mut C,
    columns: usize,
    /// Whether a column differed from the shape.
    is_new_shape: bool,
}

impl Walker {
    /// A walker that has seen no event.
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks an encoded event and finds what places it.
    ///
    /// # Errors
    /// The first thing found wrong, reading from the front; a repeated column is found last.
    pub fn walk(&mut self, event: &[u8], check: &mut impl ColumnCheck) -> Result<Walked, Refusal> {
        if event.len() > EVENT_BYTES_MAX {
            return Err(Refusal::EventTooLarge(event.len()));
        }
        let walked = Walk { event, shape: &mut self.shape, check, columns: 0, is_new_shape: false }.run();
        if walked.is_err() {
            // The shape holds columns that were let pass, and none of a refused event.
            self.shape.clear();
        }
        walked
    }
}

impl<C: ColumnCheck> Walk<'_, '_, C> {
    fn run(mut self) -> Result<Walked, Refusal> {
        let mut cursor = Cursor::over(self.event, 0..self.event.len());
        let (mut key, mut time, mut has_id) = (None, None, false);
        while !cursor.is_at_end() {
            let tag = cursor.tag()?;
            match tag.field {
                1 => {
                    expect(tag, WireType::LengthDelimited, "partition_key")?;
                    let range = checked_key(cursor.length_delimited()?)?;
                    once(key.replace(range).is_none(), "partition_key")?;
                }
                2 => {
                    expect(tag, WireType::Fixed64, "time_unix_nanos")?;
                    let nanos = i64::from_le_bytes(cursor.fixed64()?);
                    once(time.replace(EventTime::from_unix_nanos(nanos)).is_none(), "time_unix_nanos")?;
                }
                3 => {
                    expect(tag, WireType::LengthDelimited, "event_id")?;
                    check_id(cursor.length_delimited()?.len())?;
                    once(!has_id, "event_id")?;
                    has_id = true;
                }
                4 => {
                    expect(tag, WireType::LengthDelimited, "columns")?;
                    self.column(cursor.length_delimited()?)?;
                }
                field => return Err(Refusal::UnknownField { message: "Event", field }),
            }
        }
        if self.is_new_shape
            && let Some(name) = self.shape.repeated_name()
        {
            return Err(Refusal::DuplicateColumn(shown(&String::from_utf8_lossy(name))));
        }
        Ok(Walked { key: key.ok_or(Refusal::KeyMissing)?, time, has_id })
    }

    /// One entry of the columns' map.
    #[inline]
    fn column(&mut self, range: Range<usize>) -> Result<(), Refusal> {
        let index = self.columns;
        if index == EVENT_COLUMNS_MAX {
            return Err(Refusal::TooManyColumns);
        }
        self.columns += 1;
        let (name, value) = entry_parts(self.event, range)?;
        let name = &self.event[name.ok_or(Refusal::NameMissing)?];
        let Some(value) = value else { return Err(Refusal::ValueMissing(shown(checked_name(name)?))) };
        let column_type = match walk_value(self.event, value) {
            Ok(column_type) => column_type,
            Err(refusal) => return Err(refusal.of_column(shown(checked_name(name)?))),
        };
        if !self.is_new_shape && self.shape.has(index, name, column_type) {
            return Ok(());
        }
        self.check.check(checked_name(name)?, column_type)?;
        if !self.is_new_shape {
            self.shape.truncate(index);
            self.is_new_shape = true;
        }
        self.shape.push(name, column_type);
        Ok(())
    }
}

/// Where a map entry's name and value lie; either may be missing.
pub(crate) type EntryParts = (Option<Range<usize>>, Option<Range<usize>>);

/// Reads a map entry's parts, in any order, each at most once.
#[inline]
pub(crate) fn entry_parts(event: &[u8], range: Range<usize>) -> Result<EntryParts, Refusal> {
    let mut cursor = Cursor::over(event, range);
    let (mut name, mut value) = (None, None);
    while !cursor.is_at_end() {
        let tag = cursor.tag()?;
        let (part, field) = match tag.field {
            1 => (&mut name, "a column's name"),
            2 => (&mut value, "a column's value"),
            field => return Err(Refusal::UnknownField { message: "a column's map entry", field }),
        };
        expect(tag, WireType::LengthDelimited, field)?;
        once(part.replace(cursor.length_delimited()?).is_none(), field)?;
    }
    Ok((name, value))
}

fn once(is_first: bool, field: &'static str) -> Result<(), Refusal> {
    if is_first { Ok(()) } else { Err(Refusal::GivenTwice { field }) }
}

fn checked_key(range: Range<usize>) -> Result<Range<usize>, Refusal> {
    match range.len() {
        0 => Err(Refusal::KeyEmpty),
        1..=PARTITION_KEY_BYTES_MAX => Ok(range),
        length => Err(Refusal::KeyTooLong(length)),
    }
}

fn check_id(length: usize) -> Result<(), Refusal> {
    match length {
        0 => Err(Refusal::IdEmpty),
        EVENT_ID_BYTES => Ok(()),
        _ => Err(Refusal::IdLength(length)),
    }
}

fn checked_name(name: &[u8]) -> Result<&str, Refusal> {
    if !(1..=COLUMN_NAME_BYTES_MAX).contains(&name.len()) {
        return Err(Refusal::NameLength(name.len()));
    }
    str::from_utf8(name).map_err(|_| Refusal::NameNotText)
}
