//! An event's parts, as slices of its encoded bytes.
//!
//! Fields that this version does not know are passed over: a newer server may send them. Everything else that is not
//! an event is refused when the view is made, so that nothing can fail afterwards.

use annals_model::EventTime;
use uuid::Uuid;

use crate::decode_error::DecodeError;
use crate::encoding::fields::{FieldValue, Fields};
use crate::value::Value;

/// An event's parts, borrowed from its bytes.
#[derive(Clone, Copy, Debug)]
pub struct EventView<'a> {
    key: &'a [u8],
    time: Option<EventTime>,
    id: Option<Uuid>,
    column_count: usize,
    message: &'a [u8],
}

pub(crate) const KEY: u32 = 1;
pub(crate) const TIME: u32 = 2;
pub(crate) const ID: u32 = 3;
pub(crate) const COLUMNS: u32 = 4;

impl<'a> EventView<'a> {
    pub(crate) fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut view = Self { key: &[], time: None, id: None, column_count: 0, message };
        let mut fields = Fields::new(message);
        while let Some(field) = fields.next()? {
            match (field.number, field.value) {
                (KEY, FieldValue::Bytes(key)) => view.key = key,
                (TIME, FieldValue::Fixed64(nanos)) => {
                    view.time = Some(EventTime::from_unix_nanos(i64::from_le_bytes(nanos)));
                }
                (ID, FieldValue::Bytes(id)) => {
                    let id = Uuid::from_slice(id).map_err(|_| DecodeError::new("the event's id has not 16 bytes"))?;
                    view.id = Some(id);
                }
                (COLUMNS, FieldValue::Bytes(entry)) => {
                    decode_column(entry)?;
                    view.column_count += 1;
                }
                (KEY | TIME | ID | COLUMNS, _) => return Err(DecodeError::new("a field is laid out as another type")),
                _ => {}
            }
        }
        Ok(view)
    }

    /// The partition key.
    pub fn key(&self) -> &'a [u8] {
        self.key
    }

    /// When the event was produced. Always there in an event that the store has recorded.
    pub fn time(&self) -> Option<EventTime> {
        self.time
    }

    /// The event's name. Always there in an event that the store has recorded.
    pub fn id(&self) -> Option<Uuid> {
        self.id
    }

    /// How many columns the event has.
    pub fn column_count(&self) -> usize {
        self.column_count
    }

    /// The columns in the order in which they were sent.
    pub fn columns(&self) -> Columns<'a> {
        Columns { fields: Fields::new(self.message) }
    }

    /// The cell of one column; walks the columns, so to look up many ask for [`EventView::columns`] once.
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        self.columns().find_map(|(column, value)| (column == name).then_some(value))
    }
}

/// The columns of an event: names and cells.
#[derive(Clone, Debug)]
pub struct Columns<'a> {
    fields: Fields<'a>,
}

impl<'a> Iterator for Columns<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(field) = self.fields.next().expect("the view walked these bytes before") {
            if let (COLUMNS, FieldValue::Bytes(entry)) = (field.number, field.value) {
                return Some(decode_column(entry).expect("the view decoded this column before"));
            }
        }
        None
    }
}

fn decode_column(entry: &[u8]) -> Result<(&str, Value<'_>), DecodeError> {
    let (mut name, mut value) = (None, None);
    let mut fields = Fields::new(entry);
    while let Some(field) = fields.next()? {
        match (field.number, field.value) {
            (1, FieldValue::Bytes(text)) => {
                name = Some(std::str::from_utf8(text).map_err(|_| DecodeError::new("a column's name is not UTF-8"))?);
            }
            (2, FieldValue::Bytes(cell)) => value = Some(Value::decode(cell)?),
            (1 | 2, _) => return Err(DecodeError::new("a column is laid out as another type")),
            _ => {}
        }
    }
    let name = name.ok_or(DecodeError::new("a column has no name"))?;
    Ok((name, value.ok_or(DecodeError::new("a column has no value"))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    #[test]
    fn an_event_cut_short_is_refused_and_never_a_panic() {
        let event = Event::builder("key").column("a", "text").column("b", 1).id(Uuid::nil()).build().expect("an event");
        let mut refused = 0;
        for length in 0..event.as_bytes().len() {
            let cut = Event::from_encoded(event.as_bytes().slice(..length));
            match cut.view() {
                Ok(view) => assert!(view.columns().count() <= 2),
                Err(_) => refused += 1,
            }
        }
        assert!(refused > 20, "only {refused} cuts were refused");
    }

    #[test]
    fn fields_of_a_newer_version_are_passed_over() {
        let mut bytes = Event::builder("key").column("a", 1).build().expect("an event").into_bytes().to_vec();
        bytes.extend_from_slice(&[0x7a, 1, 0, 0x78, 5]);
        let event = Event::from_encoded(bytes);
        let view = event.view().expect("unknown fields are no mistake");
        assert_eq!((view.key(), view.get("a")), (&b"key"[..], Some(Value::Int64(1))));
    }
}
