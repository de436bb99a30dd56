//! The token from which a tail resumes: a sequence for each shard, bound to a table and to a scope.
//!
//! Layout, version 2: version (1 byte) · table id (16) · scope digest (8, little-endian) · number of shards (varint)
//! · for each shard the last sequence covered (varint) · for each shard the last sequence that retention had removed
//! (varint) · CRC-32C of all before it (4, little-endian). A token is opaque to clients; the checksum finds a mangled
//! one, it does not stop a forged one.
//!
//! Version 1 did not say what had been removed, so nobody could tell whether its moment is still whole; it is refused by
//! its version.

use bytes::{Buf, Bytes};

use crate::limits::SHARDS_MAX;
use crate::moment::Moment;
use crate::sequence::Sequence;
use crate::table::TableId;

const VERSION: u8 = 2;

/// A digest of what a token was made for: the keys, shards, slices and filter of a tail. Zero fits every scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeDigest(u64);

impl ScopeDigest {
    /// Fits a tail or a scan of any scope: what appends and scans hand out.
    pub const ANY: Self = Self(0);

    /// A digest by its value; zero, which means any scope, is moved out of the way.
    pub const fn new(value: u64) -> Self {
        Self(if value == 0 { 1 } else { value })
    }

    /// Whether a token of this digest may start a reader whose scope has the digest `scope`.
    pub fn fits(self, scope: Self) -> bool {
        self == Self::ANY || self == scope
    }
}

/// A position in a table from which a reader goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumeToken {
    /// The table, not its name: a table that was dropped and made again has other tokens.
    pub table: TableId,
    /// What the token was made for.
    pub scope: ScopeDigest,
    /// All events up to here are behind the reader.
    pub moment: Moment,
    /// What retention had removed when the token was made: by shard, the last sequence that was gone. A scan as of the
    /// token reads what lies between this and the moment; once some of that is gone too, there is no such scan any more.
    pub floor: Moment,
}

/// Why bytes are not a resume token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResumeTokenError {
    /// Made by another version of Annals.
    #[error("the resume token has version {0}; this server reads version {VERSION}: start without the token")]
    Version(u8),
    /// Cut short, mangled, or no token at all.
    #[error("the resume token is malformed; pass it back exactly as it was handed out")]
    Malformed,
}

impl ResumeToken {
    /// The token as clients hold it.
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(32 + 10 * self.moment.sequences().len());
        out.push(VERSION);
        out.extend_from_slice(self.table.as_bytes());
        out.extend_from_slice(&self.scope.0.to_le_bytes());
        put_moment(&mut out, &self.moment);
        put_sequences(&mut out, &self.floor);
        seal(out)
    }

    /// Reads a token that a client passed back.
    ///
    /// # Errors
    /// When the bytes are not a token of this version, whole and unchanged.
    pub fn decode(bytes: &[u8]) -> Result<Self, ResumeTokenError> {
        let mut body = unseal(bytes, VERSION).map_err(|fault| match fault {
            SealFault::Version(version) => ResumeTokenError::Version(version),
            SealFault::Malformed => ResumeTokenError::Malformed,
        })?;
        Self::parse(&mut body).filter(|_| body.is_empty()).ok_or(ResumeTokenError::Malformed)
    }

    fn parse(body: &mut &[u8]) -> Option<Self> {
        let table = get_table(body)?;
        let scope = ScopeDigest(body.try_get_u64_le().ok()?);
        let moment = get_moment(body)?;
        let floor = get_sequences(body, moment.sequences().len() as u64)?;
        Some(Self { table, scope, moment, floor })
    }
}

/// What `unseal` found wrong.
pub(crate) enum SealFault {
    Version(u8),
    Malformed,
}

/// Appends the checksum.
pub(crate) fn seal(mut body: Vec<u8>) -> Bytes {
    let checksum = crc32c::crc32c(&body);
    body.extend_from_slice(&checksum.to_le_bytes());
    body.into()
}

/// Checks checksum and version; gives what lies between them.
pub(crate) fn unseal(bytes: &[u8], version: u8) -> Result<&[u8], SealFault> {
    let (body, checksum) = bytes.split_last_chunk::<4>().ok_or(SealFault::Malformed)?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*checksum) {
        return Err(SealFault::Malformed);
    }
    match body.split_first() {
        Some((&found, rest)) if found == version => Ok(rest),
        Some((&found, _)) => Err(SealFault::Version(found)),
        None => Err(SealFault::Malformed),
    }
}

pub(crate) fn get_table(body: &mut &[u8]) -> Option<TableId> {
    let (id, rest) = body.split_first_chunk::<16>()?;
    *body = rest;
    Some(TableId::from_bytes(*id))
}

pub(crate) fn put_moment(out: &mut Vec<u8>, moment: &Moment) {
    put_varint(out, moment.sequences().len() as u64);
    put_sequences(out, moment);
}

fn put_sequences(out: &mut Vec<u8>, moment: &Moment) {
    for sequence in moment.sequences() {
        put_varint(out, sequence.get());
    }
}

pub(crate) fn get_moment(body: &mut &[u8]) -> Option<Moment> {
    let count = get_varint(body)?;
    if !(1..=u64::from(SHARDS_MAX)).contains(&count) {
        return None;
    }
    get_sequences(body, count)
}

fn get_sequences(body: &mut &[u8], count: u64) -> Option<Moment> {
    let sequences = (0..count).map(|_| get_varint(body).map(Sequence::new)).collect::<Option<Vec<_>>>()?;
    Some(Moment::new(sequences))
}

pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Takes a number only as `put_varint` writes it, so that a token has one encoding.
pub(crate) fn get_varint(body: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = body.try_get_u8().ok()?;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte < 0x80 {
            let is_padded = byte == 0 && shift > 0;
            return (!is_padded).then_some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> ResumeToken {
        ResumeToken {
            table: TableId::from_bytes([7; 16]),
            scope: ScopeDigest::new(99),
            moment: Moment::new(vec![Sequence::new(1), Sequence::ZERO, Sequence::MAX]),
            floor: Moment::new(vec![Sequence::ZERO, Sequence::ZERO, Sequence::new(300)]),
        }
    }

    #[test]
    fn a_token_comes_back_as_it_was_handed_out() {
        assert_eq!(ResumeToken::decode(&token().encode()), Ok(token()));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let encoded = token().encode();
        for bit in 0..encoded.len() * 8 {
            let mut mangled = encoded.to_vec();
            mangled[bit / 8] ^= 1 << (bit % 8);
            assert!(ResumeToken::decode(&mangled).is_err(), "bit {bit}");
        }
        for length in 0..encoded.len() {
            assert_eq!(ResumeToken::decode(&encoded[..length]), Err(ResumeTokenError::Malformed));
        }
    }

    #[test]
    fn a_token_of_another_version_says_so() {
        for version in [1, 3] {
            let mut body = token().encode().to_vec();
            body.truncate(body.len() - 4);
            body[0] = version;
            assert_eq!(ResumeToken::decode(&seal(body)), Err(ResumeTokenError::Version(version)));
        }
    }

    #[test]
    fn a_token_with_a_padded_number_is_refused() {
        let one = |sequence| Moment::new(vec![Sequence::new(sequence)]);
        let token = ResumeToken { moment: one(7), floor: one(7), ..token() };
        let mut body = token.encode().to_vec();
        body.truncate(body.len() - 4);
        assert_eq!(body.pop(), Some(7));
        body.extend_from_slice(&[0x87, 0]);
        assert_eq!(ResumeToken::decode(&seal(body)), Err(ResumeTokenError::Malformed));
    }

    #[test]
    fn a_token_for_any_scope_fits_every_scope() {
        assert!(ScopeDigest::ANY.fits(ScopeDigest::new(5)));
        assert!(ScopeDigest::new(5).fits(ScopeDigest::new(5)));
        assert!(!ScopeDigest::new(6).fits(ScopeDigest::new(5)));
    }
}
