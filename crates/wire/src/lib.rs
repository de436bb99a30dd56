//! The protocol boundary of Annals: generated messages, encoded answers, errors to statuses and back.
//!
//! - [`v1`]: the contract's messages with all their fields, and clients over them.
//! - [`opaque`]: the same protocol with every event as its encoded bytes. This is what a server and a fast client
//!   speak: an event's bytes are written once, by its producer, and never encoded again.
//! - [`serving`]: the event service as a server speaks it, whose [`answer`]s with events are encoded without being built.
//! - [`request_shape`]: the refusal of requests with fields that this version does not know.
//! - [`fault`]: a fault as a gRPC status and back.
//! - [`DESCRIPTORS`]: the contract described in its own terms, for reflection.
//!
//! Promises: an event's bytes pass through unchanged.
//!
//! Does not: do I/O, or know of the engine.

pub mod answer;
pub mod codec;
pub mod fault;
pub mod opaque;
pub mod request_shape;
pub mod serving;
pub mod v1;

/// The encoded `FileDescriptorSet` of the contract and all that it imports.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/annals.descriptors"));
