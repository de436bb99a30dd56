//! The files of Annals: journal, segments, manifest, state, directory. Synchronous; no clock, no network.
//!
//! `FORMAT.md` beside this crate's sources is the only description of the bytes on disk.

mod damage;
mod digest;
pub mod directory;
pub mod disk;
pub mod segment;

pub use damage::Damage;
pub use digest::Digest;
