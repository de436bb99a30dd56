//! The house rules that a machine can check. Promises that a rule that is broken fails a test, not a plea.
//!
//! `sources` holds the rules for files, `arrows` those for crates, `documents` those for what documents name.

mod arrows;
mod documents;
mod sources;
mod tree;
