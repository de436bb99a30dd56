//! The protobuf encoding, as far as events need it: one strict cursor to read by, and the pieces to write.
//!
//! Promises: no bytes make the cursor panic or read past their end.
//!
//! Does not: know what the fields of an event mean.

pub(crate) mod cursor;
pub(crate) mod fields;
pub(crate) mod write;
