//! The files of Annals: journal, segments, manifest, state, directory. Synchronous; no clock, no network.
//!
//! `FORMAT.md` beside this crate's sources is the only description of the bytes on disk.
//!
//! Promises: what is damaged is named with file and offset, never skipped; what is named by another file was synced
//! before.
//!
//! Does not: ask the time, use a network, or know who reads and who appends.

mod damage;
mod digest;
pub mod directory;
pub mod disk;
pub mod framed;
pub mod identity;
pub mod journal;
pub mod layout;
pub mod manifest;
pub mod segment;
pub mod state;
pub mod store;
mod sync;
pub mod verify;

pub use damage::{Damage, DamageCase, ReadFailure};
pub use digest::Digest;
