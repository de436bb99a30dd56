//! An event as its encoded bytes: what a client sends, what the store keeps, and what every reader gets.
//!
//! An event is encoded once, by its [`EventBuilder`], and never decoded unless somebody asks: [`Event::view`] walks
//! the bytes and hands out slices of them.

use bytes::Bytes;

use crate::builder::EventBuilder;
use crate::view::{DecodeError, EventView};

/// An encoded `annals.v1.Event`. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event(Bytes);

impl Event {
    /// Begins an event of the partition `key`.
    ///
    /// ```
    /// use annals_event::Event;
    /// use annals_model::EventTime;
    ///
    /// let event = Event::builder("N14228")
    ///     .time(EventTime::from_unix_nanos(1_360_332_000_000_000_000))
    ///     .column("origin", "EWR")
    ///     .column("delay_minutes", 17)
    ///     .column("cancelled", false)
    ///     .build()?;
    /// assert_eq!(event.view()?.get("origin"), Some("EWR".into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder(key: impl AsRef<[u8]>) -> EventBuilder {
        EventBuilder::new(key.as_ref())
    }

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
