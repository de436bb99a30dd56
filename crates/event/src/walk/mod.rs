//! The strict walk over an encoded event: checks it and finds its key, time and id, without building it.
//!
//! An event is stored and handed on as it was sent, so one that some reader's parser refuses, or reads differently,
//! would block every tail behind it. The walk therefore takes only bytes that all protobuf parsers understand alike;
//! [`Refusal`] lists what it does not take. `tests/corpus/walk/` holds the cases as data.
//!
//! Promises: what was walked decodes in every client language to the same event; nothing is allocated for an event
//! that is accepted and has the columns of the one before it; the bytes are never changed, only
//! [extended](Suffix) by a time or an id that was left out.
//!
//! Does not: know tables. Columns are shown to a [`ColumnCheck`], which knows the schema.

mod event;
mod ids;
mod refusal;
mod shape;
mod suffix;
mod tag;
mod value;

pub(crate) use event::entry_parts;
pub use event::{ColumnCheck, Walked, Walker};
pub use ids::EventIds;
pub use refusal::Refusal;
pub use suffix::Suffix;
