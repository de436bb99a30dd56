//! The token at which a scan goes on: its moment, its place, and a digest of its request.
//!
//! Layout, version 1: version (1 byte) · table id (16) · request digest (8, little-endian) · moment (a varint count
//! and varint sequences) · index of the partition among the request's keys (varint) · length of the key (varint) and
//! the key · event time (8, little-endian) · shard (varint) · sequence (varint) · events of the partition already
//! given (varint) · floor (as the moment) · CRC-32C of all before it (4, little-endian).

use bytes::{Buf, Bytes};

use crate::key::PartitionKey;
use crate::moment::Moment;
use crate::resume_token::{SealFault, get_moment, get_table, get_varint, put_moment, put_varint, seal, unseal};
use crate::sequence::Sequence;
use crate::shard::Shard;
use crate::table::TableId;
use crate::time::EventTime;

const VERSION: u8 = 1;

/// The event that a scan gave last; it goes on right after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanPosition {
    /// The partition's index among the keys that the request names; 0 where it names none.
    pub key_index: u32,
    /// The partition.
    pub key: PartitionKey,
    /// The event's time.
    pub time: EventTime,
    /// The event's shard: in a table with explicit sharding a partition can lie in several.
    pub shard: Shard,
    /// The event's sequence.
    pub sequence: Sequence,
    /// How many events of the partition have been given, for a limit for each partition.
    pub given_of_partition: u64,
}

/// Where a scan stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageToken {
    /// The table that is scanned.
    pub table: TableId,
    /// A digest of all of the request that may not change between pages.
    pub request: u64,
    /// The moment that all pages read.
    pub moment: Moment,
    /// What retention had removed when the moment was taken: by shard, the last sequence that was gone by then. What
    /// went later shows itself by it, so that the scan ends with an error and not with a hole.
    pub floor: Moment,
    /// The last event given.
    pub position: ScanPosition,
}

/// Why bytes are not a page token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageTokenError {
    /// Made by a later version of Annals.
    #[error("the page token has version {0}; this server reads version {VERSION}")]
    Version(u8),
    /// Cut short, mangled, or no token at all.
    #[error("the page token is malformed; pass it back exactly as it was handed out")]
    Malformed,
}

impl PageToken {
    /// The token as clients hold it.
    pub fn encode(&self) -> Bytes {
        let position = &self.position;
        let mut out = Vec::with_capacity(96 + position.key.as_bytes().len());
        out.push(VERSION);
        out.extend_from_slice(self.table.as_bytes());
        out.extend_from_slice(&self.request.to_le_bytes());
        put_moment(&mut out, &self.moment);
        put_varint(&mut out, u64::from(position.key_index));
        put_varint(&mut out, position.key.as_bytes().len() as u64);
        out.extend_from_slice(position.key.as_bytes());
        out.extend_from_slice(&position.time.unix_nanos().to_le_bytes());
        put_varint(&mut out, u64::from(position.shard.get()));
        put_varint(&mut out, position.sequence.get());
        put_varint(&mut out, position.given_of_partition);
        put_moment(&mut out, &self.floor);
        seal(out)
    }

    /// Reads a token that a client passed back.
    ///
    /// # Errors
    /// When the bytes are not a token of this version, whole and unchanged.
    pub fn decode(bytes: &[u8]) -> Result<Self, PageTokenError> {
        let mut body = unseal(bytes, VERSION).map_err(|fault| match fault {
            SealFault::Version(version) => PageTokenError::Version(version),
            SealFault::Malformed => PageTokenError::Malformed,
        })?;
        Self::parse(&mut body).filter(|_| body.is_empty()).ok_or(PageTokenError::Malformed)
    }

    fn parse(body: &mut &[u8]) -> Option<Self> {
        let table = get_table(body)?;
        let request = body.try_get_u64_le().ok()?;
        let moment = get_moment(body)?;
        let key_index = u32::try_from(get_varint(body)?).ok()?;
        let key_length = usize::try_from(get_varint(body)?).ok()?;
        let (key, rest) = body.split_at_checked(key_length)?;
        *body = rest;
        let position = ScanPosition {
            key_index,
            key: PartitionKey::new(key.to_vec()).ok()?,
            time: EventTime::from_unix_nanos(body.try_get_i64_le().ok()?),
            shard: Shard::new(u32::try_from(get_varint(body)?).ok()?),
            sequence: Sequence::new(get_varint(body)?),
            given_of_partition: get_varint(body)?,
        };
        let floor = get_moment(body).filter(|floor| floor.sequences().len() == moment.sequences().len())?;
        Some(Self { table, request, moment, floor, position })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_was_handed_out_and_a_mangled_one_is_found() {
        let token = PageToken {
            table: TableId::from_bytes([3; 16]),
            request: 77,
            moment: Moment::new(vec![Sequence::new(300)]),
            floor: Moment::new(vec![Sequence::new(9)]),
            position: ScanPosition {
                key_index: 2,
                key: PartitionKey::new(&b"N14228"[..]).expect("a key"),
                time: EventTime::from_unix_nanos(-5),
                shard: Shard::ZERO,
                sequence: Sequence::new(12),
                given_of_partition: 4,
            },
        };
        let encoded = token.encode();
        assert_eq!(PageToken::decode(&encoded), Ok(token));
        for bit in 0..encoded.len() * 8 {
            let mut mangled = encoded.to_vec();
            mangled[bit / 8] ^= 1 << (bit % 8);
            assert!(PageToken::decode(&mangled).is_err(), "bit {bit}");
        }
    }
}
