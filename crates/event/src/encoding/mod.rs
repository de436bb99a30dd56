//! The protobuf encoding, as far as events need it: one strict cursor to read by, and the pieces to write.
//!
//! Does not: know what the fields of an event mean.

pub(crate) mod cursor;
pub(crate) mod fields;
pub(crate) mod write;
