//! The salts of framed files: what makes a sector of one file fail to verify in any other.

use crate::identity::StoreIdentity;
use crate::layout::FileNumber;

use super::Kind;

const CONTEXT: &str = "annals framed file salt 1";

/// Gives the salt of each file of a kind in one store.
#[derive(Clone, Debug)]
pub(crate) struct Salts {
    key: [u8; 32],
    kind: Kind,
}

/// The value that a file's sector checksums start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Salt(u32);

impl Salts {
    pub(crate) fn new(identity: &StoreIdentity, kind: Kind) -> Self {
        let mut material = [0; 24];
        material[..16].copy_from_slice(identity.uuid.as_bytes());
        material[16..].copy_from_slice(&identity.salt.to_le_bytes());
        Self { key: blake3::derive_key(CONTEXT, &material), kind }
    }

    /// The salt of file `number`.
    pub(crate) fn of(&self, number: FileNumber) -> Salt {
        let mut name = [0; 8];
        name[..4].copy_from_slice(&self.kind.code().to_le_bytes());
        name[4..].copy_from_slice(&number.get().to_le_bytes());
        let digest = blake3::keyed_hash(&self.key, &name);
        Salt(u32::from_le_bytes(digest.as_bytes()[..4].try_into().expect("4 of 32 bytes")))
    }

    /// What the files are for.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }
}

impl Salt {
    pub(crate) const fn get(self) -> u32 {
        self.0
    }
}
