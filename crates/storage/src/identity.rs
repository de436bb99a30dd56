//! The store's identity: what ties its files together.
//!
//! Promises that every other file can be told from one of another store (by the store's UUID), and that nothing that
//! a client sends can look like a sector of a framed file (by the salt, which never leaves the store's directory).
//! Written once, when the store is made, and last of all; a directory without it holds no store.

use std::io;
use std::path::Path;

use uuid::Uuid;

use crate::damage::{Damage, DamageCase, ReadFailure};
use crate::disk::Disk;
use crate::layout;

/// The format of the whole store. A store of another version is refused by name.
pub const FORMAT_VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"ANNALSST";
const CONTENT_BYTES: usize = 48;
const DIGEST_BYTES: usize = 16;
const IDENTITY_BYTES: usize = CONTENT_BYTES + DIGEST_BYTES;
const UNFINISHED: &str = "STORE.new";

/// What makes a store this store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StoreIdentity {
    /// Random; in the header of every file.
    pub uuid: Uuid,
    /// Random; goes into the checksums of framed files.
    pub salt: u64,
    /// When the store was made, in nanoseconds since the Unix epoch.
    pub created_unix_nanos: i64,
}

impl std::fmt::Debug for StoreIdentity {
    /// Leaves the salt out, so that no log gives it away.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreIdentity").field("uuid", &self.uuid).finish_non_exhaustive()
    }
}

impl StoreIdentity {
    /// Writes the identity of a store that is being made, durably; it counts once `finish` was called.
    ///
    /// # Errors
    /// Whatever the operating system reports.
    pub(crate) fn begin(&self, disk: &dyn Disk) -> io::Result<()> {
        // What an earlier attempt began is written over, never removed: while it has files, something must say whose.
        let file = match disk.open_writable(Path::new(UNFINISHED)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => disk.create(Path::new(UNFINISHED))?,
            opened => opened?,
        };
        file.write_at(&self.encode(), 0)?;
        file.sync()?;
        disk.sync_directory(Path::new(""))
    }

    /// Makes the identity that was begun the store's, durably: from now on there is a store.
    ///
    /// # Errors
    /// Whatever the operating system reports.
    pub(crate) fn finish(disk: &dyn Disk) -> io::Result<()> {
        disk.rename(Path::new(UNFINISHED), Path::new(layout::STORE))?;
        disk.sync_directory(Path::new(""))
    }

    /// Whether the making of a store was begun here and not finished.
    pub(crate) fn is_unfinished(disk: &dyn Disk) -> bool {
        disk.open(Path::new(UNFINISHED)).is_ok()
    }

    /// Reads the identity of the store on `disk`; none if there is no store.
    ///
    /// # Errors
    /// When there is an identity that cannot be read, does not verify, or is of another version.
    pub fn load(disk: &dyn Disk) -> Result<Option<Self>, ReadFailure> {
        let path = Path::new(layout::STORE);
        let file = match disk.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ReadFailure::io(path, error)),
        };
        let length = file.length().map_err(|error| ReadFailure::io(path, error))?;
        let damaged = |offset, expected: String, found: String| {
            Damage::of_case(DamageCase::IdentityDamaged, path, offset, expected, found)
        };
        if length != IDENTITY_BYTES as u64 {
            return Err(damaged(0, format!("{IDENTITY_BYTES} bytes"), format!("{length} bytes")).into());
        }
        let mut bytes = [0; IDENTITY_BYTES];
        file.read_at(&mut bytes, 0).map_err(|error| ReadFailure::io(path, error))?;
        let (content, digest) = bytes.split_at(CONTENT_BYTES);
        if digest != &blake3::hash(content).as_bytes()[..DIGEST_BYTES] {
            return Err(damaged(CONTENT_BYTES as u64, "the digest of the identity".into(), "another".into()).into());
        }
        if content[..8] != MAGIC {
            return Err(damaged(0, "an identity's magic bytes".into(), content[..8].escape_ascii().to_string()).into());
        }
        let version = u32::from_le_bytes(content[8..12].try_into().expect("4 bytes"));
        if version != FORMAT_VERSION {
            return Err(Damage::of_case(
                DamageCase::UnknownVersion,
                path,
                8,
                format!("store format {FORMAT_VERSION}, the one that this version of Annals reads and writes"),
                format!("store format {version}"),
            )
            .into());
        }
        Ok(Some(Self {
            uuid: Uuid::from_bytes(content[16..32].try_into().expect("16 bytes")),
            salt: u64::from_le_bytes(content[32..40].try_into().expect("8 bytes")),
            created_unix_nanos: i64::from_le_bytes(content[40..48].try_into().expect("8 bytes")),
        }))
    }

    fn encode(&self) -> [u8; IDENTITY_BYTES] {
        let mut bytes = [0; IDENTITY_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[16..32].copy_from_slice(self.uuid.as_bytes());
        bytes[32..40].copy_from_slice(&self.salt.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.created_unix_nanos.to_le_bytes());
        let digest = blake3::hash(&bytes[..CONTENT_BYTES]);
        bytes[CONTENT_BYTES..].copy_from_slice(&digest.as_bytes()[..DIGEST_BYTES]);
        bytes
    }
}
