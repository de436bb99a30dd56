//! Snapshots of the whole state, each a file of its own that the manifest names with its digest.
//!
//! A snapshot is written and synced before the manifest names it; a file that nothing names is what a crash left of
//! one and means nothing.

use std::io;
use std::path::Path;

use prost::Message;

use super::{State, messages};
use crate::damage::{Damage, DamageCase, ReadFailure};
use crate::digest::Digest;
use crate::disk::Disk;
use crate::framed::{Chain, Position, remove_if_there};
use crate::identity::StoreIdentity;
use crate::layout::{self, FileNumber};

const MAGIC: [u8; 8] = *b"ANNALSTA";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 64;

/// A snapshot as the manifest names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotPlace {
    /// The file.
    pub number: FileNumber,
    /// Of the whole file.
    pub digest: Digest,
    /// The journal up to which the snapshot holds all records.
    pub position: Position,
}

/// Writes `state` as it stands at `position` of the journal to a file of number `number`, and syncs it.
///
/// # Errors
/// `StorageFull` when there is no space; the file is then removed again, or nothing names it.
pub fn write_snapshot(
    disk: &dyn Disk,
    identity: &StoreIdentity,
    number: FileNumber,
    state: &State,
    position: Position,
) -> io::Result<SnapshotPlace> {
    let path = layout::state_file(number);
    let body = messages::Snapshot::from(state).encode_to_vec();
    let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&number.get().to_le_bytes());
    bytes.extend_from_slice(identity.uuid.as_bytes());
    bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&position.offset.to_le_bytes());
    bytes.extend_from_slice(&position.chain.get().to_le_bytes());
    bytes.extend_from_slice(&position.file.get().to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&body);
    remove_if_there(disk, &path)?;
    let file = disk.create(&path)?;
    let written = file.write_at(&bytes, 0).and_then(|()| file.sync());
    if let Err(error) = written {
        remove_if_there(disk, &path)?;
        return Err(error);
    }
    disk.sync_directory(Path::new(layout::STATE))?;
    Ok(SnapshotPlace { number, digest: Digest::of(&bytes), position })
}

/// Reads the snapshot that the manifest names.
///
/// # Errors
/// When the file is missing, is not the one that the manifest names, or cannot be read.
pub fn load_snapshot(disk: &dyn Disk, identity: &StoreIdentity, place: &SnapshotPlace) -> Result<State, ReadFailure> {
    let path = layout::state_file(place.number);
    let damaged = |case, offset: usize, expected: &str, found: String| {
        ReadFailure::from(Damage::of_case(case, &path, offset as u64, expected, found))
    };
    let file = match disk.open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(damaged(DamageCase::FileMissing, 0, "the snapshot that the manifest names", "no file".into()));
        }
        opened => opened.map_err(|error| ReadFailure::io(&path, error))?,
    };
    let length = file.length().map_err(|error| ReadFailure::io(&path, error))?;
    let mut bytes = vec![0; usize::try_from(length).map_err(|error| ReadFailure::io(&path, io::Error::other(error)))?];
    file.read_at(&mut bytes, 0).map_err(|error| ReadFailure::io(&path, error))?;
    let digest = Digest::of(&bytes);
    if digest != place.digest {
        let expected = format!("digest {}, as the manifest says", place.digest);
        return Err(damaged(DamageCase::StateDamaged, 0, &expected, format!("digest {digest}")));
    }
    // From here on the bytes are those that were written; what is wrong now was wrong then.
    if bytes.len() < HEADER_BYTES || bytes[..8] != MAGIC {
        return Err(damaged(DamageCase::ContentWrong, 0, "a snapshot's header", "another".into()));
    }
    let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
    let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
    if u32_at(8) != VERSION {
        let expected = format!("snapshot format {VERSION}");
        return Err(damaged(DamageCase::UnknownVersion, 8, &expected, format!("format {}", u32_at(8))));
    }
    if bytes[16..32] != *identity.uuid.as_bytes() {
        return Err(damaged(DamageCase::WrongStore, 16, "this store's UUID", "another".into()));
    }
    let position = (u32_at(56), u64_at(40), Chain::new(u64_at(48)));
    let named = (place.position.file.get(), place.position.offset, place.position.chain);
    if u32_at(12) != place.number.get() || position != named {
        let found = format!("number {} at byte {} of journal file {}", u32_at(12), position.1, position.0);
        return Err(damaged(DamageCase::WrongFile, 12, "the number and position that the manifest gives", found));
    }
    let body = &bytes[HEADER_BYTES..];
    if u64_at(32) != body.len() as u64 {
        return Err(damaged(DamageCase::ContentWrong, 32, &format!("{} bytes", body.len()), u64_at(32).to_string()));
    }
    messages::Snapshot::decode(body)
        .map_err(|error| error.to_string())
        .and_then(State::try_from)
        .map_err(|reason| damaged(DamageCase::ContentWrong, HEADER_BYTES, "a state", reason))
}
