//! What each fuzz target does with its bytes, and the property that it checks.
//!
//! `tests/fuzz` hands these functions what libFuzzer makes up; `tests/fuzz_corpus.rs` hands them the corpus in every
//! ordinary run. Each takes any bytes at all, as a description of what to try, and panics when the property does not
//! hold. What a target does is decided by its bytes, but for [`engine`], whose threads take turns as they like.
//!
//! Checksums stop blind changes at the door. So the targets seal what they changed, by writers of their own that were
//! made after `FORMAT.md`, and reach the readers behind the checksums.

mod engine;
mod forge;
mod frame;
mod input;
mod manifest;
mod segment;
mod token;
mod walk;

pub use engine::engine;
pub use frame::frame;
pub use manifest::manifest;
pub use segment::segment;
pub use token::token;
pub use walk::walk;
