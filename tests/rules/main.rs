//! The house rules that a machine can check. Promises that a rule that is broken fails a test, not a plea.
//!
//! `sources` holds the rules for files, `headers` those for what begins a folder, `arrows` those for crates, `circles` those
//! for modules, `clocks` those for who asks the time, `documents` those for what documents name.

mod arrows;
mod circles;
mod clocks;
mod documents;
mod headers;
mod sources;
mod tree;
