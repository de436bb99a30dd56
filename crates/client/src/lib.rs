//! The Rust client of Annals.

mod event;

pub use annals_model::{ColumnType, CommitTime, EventTime, Sequence, Shard};
pub use event::{Columns, DecodeError, Event, EventBuilder, EventError, EventView, RecordedEvent, Value};
