//! An event as its encoded bytes: what a client sends, what the store keeps, and what every reader gets.
//!
//! An event is encoded once, by its [`EventBuilder`](crate::EventBuilder), and never decoded unless somebody asks: [`Event::view`] walks
//! the bytes and hands out slices of them.

use bytes::Bytes;

use crate::decode_error::DecodeError;
use crate::view::EventView;

/// An encoded `annals.v1.Event`. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event(Bytes);

impl Event {
    /// Takes bytes that are an encoded event already. They are not looked at here; the server checks what it stores.
    pub fn from_encoded(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The encoded bytes.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The encoded bytes, given away.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// Walks the bytes once, and then gives the key, the time, the id and the columns out of them without copying.
    ///
    /// # Errors
    /// When the bytes are not an encoded event.
    pub fn view(&self) -> Result<EventView<'_>, DecodeError> {
        EventView::decode(&self.0)
    }
}
