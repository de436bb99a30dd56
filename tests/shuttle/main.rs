//! The engine's hand-offs under random schedules, by shuttle: admission and its expiry, the backlog, and the whole engine
//! with all its threads, also where its disk gives trouble.
//!
//! What is tested is compiled from the engine's own files, over the primitives of `engine/sync` in place of its own.
//! Where loom tries every order of a few steps, shuttle tries many orders of many: see `model`.

mod admission_model;
mod backlog_model;
mod disk_model;
mod engine_model;
mod model;

use annals_engine_on_shuttle::sync;

#[path = "../../crates/engine/src/embedded/admission/mod.rs"]
mod admission;

#[path = "../../crates/engine/src/embedded/backlog.rs"]
#[expect(dead_code, reason = "the tests use a part of what the engine does")]
mod backlog;

/// What the backlog holds, of which it asks for its size alone.
mod memtable {
    /// So many bytes of events lie in each memtable.
    pub(crate) const EVENT_BYTES: u64 = 7;

    #[derive(Debug)]
    pub(crate) struct Memtable;

    impl Memtable {
        #[expect(clippy::unused_self, reason = "the memtable that this one stands for asks itself")]
        pub(crate) fn event_bytes(&self) -> u64 {
            EVENT_BYTES
        }
    }
}

/// As `memtable`.
mod table_state {
    #[derive(Debug)]
    pub(crate) struct TableState;
}
