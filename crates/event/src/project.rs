//! Cuts an event down to some of its columns: the one place where an event is encoded anew.
//!
//! Key, time and id stay, in the encoding in which they were sent; of the columns only the wanted ones. Nothing is
//! decoded: the fields are copied by their offsets.

use std::collections::HashSet;

use bytes::Bytes;

use crate::encoding::cursor::{Cursor, WireType};
use crate::walk::{Refusal, entry_parts};

const COLUMNS_FIELD: u32 = 4;

/// The columns that a reader wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projection {
    names: HashSet<Box<[u8]>>,
}

/// A stored event that is not one: it was walked before it was stored, so the store is damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored event can't be read: {0}")]
pub struct ProjectError(Refusal);

impl Projection {
    /// A projection to these columns; none for no names, which mean all columns.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let names: HashSet<Box<[u8]>> = names.into_iter().map(|name| name.as_bytes().into()).collect();
        (!names.is_empty()).then_some(Self { names })
    }

    /// `event` with only the wanted columns. An event that has no others is handed back as it is.
    ///
    /// # Errors
    /// When `event` is not an event that the walk accepted.
    pub fn project(&self, event: &Bytes) -> Result<Bytes, ProjectError> {
        let mut cut: Option<Vec<u8>> = None;
        let mut cursor = Cursor::over(event, 0..event.len());
        while !cursor.is_at_end() {
            let start = cursor.position();
            let is_wanted = self.wants_next(event, &mut cursor).map_err(ProjectError)?;
            match (&mut cut, is_wanted) {
                (None, true) | (Some(_), false) => {}
                (None, false) => {
                    let mut kept = Vec::with_capacity(event.len());
                    kept.extend_from_slice(&event[..start]);
                    cut = Some(kept);
                }
                (Some(kept), true) => kept.extend_from_slice(&event[start..cursor.position()]),
            }
        }
        Ok(cut.map_or_else(|| event.clone(), Bytes::from))
    }

    /// Reads the next field and tells whether it stays.
    fn wants_next(&self, event: &[u8], cursor: &mut Cursor<'_>) -> Result<bool, Refusal> {
        let tag = cursor.tag()?;
        match tag.wire_type {
            WireType::Fixed64 => Ok(cursor.fixed64().map(|_| true)?),
            WireType::LengthDelimited => {
                let range = cursor.length_delimited()?;
                if tag.field != COLUMNS_FIELD {
                    return Ok(true);
                }
                let (name, _) = entry_parts(event, range)?;
                Ok(self.names.contains(&event[name.ok_or(Refusal::NameMissing)?]))
            }
            WireType::Varint | WireType::Fixed32 => Err(Refusal::UnknownField { message: "Event", field: tag.field }),
        }
    }
}
