//! Positions that the server hands out. Their bytes mean nothing to a client, and are to be kept as they are.

use bytes::Bytes;

/// A position in a table's arrival order: what an append reached, what a scan's moment held, how far a tail has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResumeToken(Bytes);

/// Where a scan stopped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageToken(Bytes);

macro_rules! opaque_bytes {
    ($token:ty) => {
        impl $token {
            /// Takes bytes that the server handed out earlier. The server checks them.
            pub fn from_bytes(bytes: impl Into<Bytes>) -> Self {
                Self(bytes.into())
            }

            /// The bytes to keep.
            pub fn as_bytes(&self) -> &Bytes {
                &self.0
            }

            /// The contract says "none" with no bytes.
            pub(crate) fn from_wire(bytes: Bytes) -> Option<Self> {
                (!bytes.is_empty()).then_some(Self(bytes))
            }
        }
    };
}

opaque_bytes!(ResumeToken);
opaque_bytes!(PageToken);
