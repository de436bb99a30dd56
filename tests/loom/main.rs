//! Every interleaving of the engine's hand-offs, by loom: heads and watches, commit and sync, and their end.
//!
//! The modules are compiled here from the engine's own files, over the primitives of `sync.rs` in place of the engine's.
//! loom then runs each test once for every order in which the threads' steps may come, as the memory model allows, and
//! finds a wake-up that is missed, a value seen too early, and threads that wait for each other for ever. Preemptions
//! are bounded where the steps are many; each test says so.

mod commit;
mod heads;
mod sync;

#[path = "../../crates/engine/src/head.rs"]
#[expect(dead_code, unreachable_pub, reason = "the tests use a part of what the engine shows")]
mod head;

#[path = "../../crates/embedded/src/commit/sync_thread.rs"]
mod sync_thread;

#[path = "../../crates/engine/src/watch_index.rs"]
#[expect(dead_code, reason = "what the engine's own tests look at")]
mod watch_index;

#[path = "../../crates/engine/src/watch_scope.rs"]
#[expect(dead_code, unreachable_pub, reason = "the tests use a part of what the engine shows")]
mod watch_scope;
