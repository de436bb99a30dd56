//! The files of Annals, compiled from their own sources over shuttle's locks, for `tests/shuttle`.
//!
//! A thread that changes the disk may be held up in the middle, and others go on.

#![cfg(not(test))]

#[path = "../../../crates/storage/src/damage.rs"]
mod damage;

#[path = "../../../crates/storage/src/digest.rs"]
mod digest;

#[path = "../../../crates/storage/src/directory/mod.rs"]
pub mod directory;

#[path = "../../../crates/storage/src/disk/mod.rs"]
pub mod disk;

#[path = "../../../crates/storage/src/framed/mod.rs"]
pub mod framed;

#[path = "../../../crates/storage/src/identity.rs"]
pub mod identity;

#[path = "../../../crates/storage/src/journal/mod.rs"]
pub mod journal;

#[path = "../../../crates/storage/src/layout.rs"]
pub mod layout;

#[path = "../../../crates/storage/src/manifest/mod.rs"]
pub mod manifest;

#[path = "../../../crates/storage/src/segment/mod.rs"]
pub mod segment;

#[path = "../../../crates/storage/src/state/mod.rs"]
pub mod state;

#[path = "../../../crates/storage/src/store/mod.rs"]
pub mod store;

#[path = "../../../crates/storage/src/verify/mod.rs"]
pub mod verify;

/// As `crates/storage/src/sync.rs`.
mod sync {
    pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard};
}

pub use damage::{Damage, DamageCase, ReadFailure};
pub use digest::Digest;
