//! How data is written to stdout: keys and cells as text, events as tables, NDJSON or CSV.

mod key;

pub(crate) use key::{key_from_text, key_to_text};
