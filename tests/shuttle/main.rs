//! The engine's hand-offs under random schedules, by shuttle: admission and its expiry, the backlog, and the whole engine
//! with all its threads, also where its disk gives trouble.
//!
//! What is tested is compiled from the engine's own files, over the primitives of `embedded/sync` in place of its own.
//! Where loom tries every order of a few steps, shuttle tries many orders of many: see `model`.

mod admission_model;
mod backlog_model;
mod disk_model;
mod engine_model;
mod model;

use annals_embedded_on_shuttle::sync;

#[path = "../../crates/embedded/src/admission/mod.rs"]
mod admission;

#[path = "../../crates/embedded/src/backlog.rs"]
#[expect(dead_code, reason = "the tests use a part of what the engine does")]
mod backlog;

/// What the backlog holds, which it never looks into.
mod memtable {
    #[derive(Debug)]
    pub(crate) struct Memtable;
}

/// As `memtable`.
mod table_state {
    #[derive(Debug)]
    pub(crate) struct TableState;
}
