//! The engine of Annals, compiled from its own files over shuttle's primitives, for `tests/shuttle`.
//!
//! A library of its own, so that the engine's unit tests, which run on real threads, are not compiled along.

#![cfg(not(test))]

#[path = "../../../crates/engine/src/contract/mod.rs"]
pub mod contract;

#[path = "../../../crates/engine/src/embedded/mod.rs"]
pub mod embedded;

#[expect(missing_docs, clippy::missing_errors_doc, reason = "as what each stands for, in std, crossbeam and tokio")]
pub mod sync;

pub use contract::Engine;
pub use embedded::EmbeddedEngine;
