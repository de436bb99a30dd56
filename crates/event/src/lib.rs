//! The bytes of one event: checked, cut down to columns, built and looked into.
//!
//! An event is stored and handed on as its producer encoded it, so everybody who touches one works on the encoded
//! bytes: a server [walks](walk) them, a reader's answer is [cut down](Projection) to columns, a client
//! [builds](EventBuilder) them and takes a [view](EventView) of them. One cursor reads for all.
//!
//! Promises: nothing here builds a map of an event's columns, and bytes that come from elsewhere are refused, never a
//! panic.
//!
//! Does not: know tables, frames or messages other than the event's, nor any protobuf library.

mod builder;
mod decode_error;
mod encoding;
mod event;
mod project;
mod refused;
mod value;
mod view;
pub mod walk;

pub use builder::{EventBuilder, EventError};
pub use decode_error::DecodeError;
pub use event::Event;
pub use project::{ProjectError, Projection};
pub use refused::RefusedEvents;
pub use value::Value;
pub use view::{Columns, EventView};
