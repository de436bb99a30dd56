//! What the manifest keeps of a segment: enough to find any part of it, and to know it is the right part.
//!
//! A run is read by its summary alone: the summary says where the run's tail lies and what its directory's digest is,
//! the directory holds the checksums of the sections, the sections those of the pages. So opening a store reads no
//! segment, and a stale or swapped page is found when it is first read.

use annals_model::{CommitTime, EventTime, Sequence, Shard, TableId, TimeRange, Token, TokenRange};

use crate::digest::Digest;
use crate::segment::layout::fields::Fields;
use crate::segment::layout::id::SegmentId;

/// A sealed segment file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentSummary {
    /// Names the file.
    pub id: SegmentId,
    /// The file's bytes.
    pub file_length: u64,
    /// Where the footer begins.
    pub footer_offset: u64,
    /// The footer's bytes, with the trailer that ends the file.
    pub footer_length: u64,
    /// The digest of those bytes.
    pub footer_digest: Digest,
    /// The runs, in the order in which they lie in the file.
    pub runs: Vec<RunSummary>,
}

/// A run: a closed range of one shard's sequences, sorted by (token, key, event time, sequence).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSummary {
    /// The table.
    pub table: TableId,
    /// The shard.
    pub shard: Shard,
    /// The first sequence.
    pub first: Sequence,
    /// The last sequence.
    pub last: Sequence,
    /// Events: one for each sequence of the range.
    pub event_count: u32,
    /// Partitions that have an event in the run.
    pub partition_count: u32,
    /// Bytes of encoded events.
    pub event_bytes: u64,
    /// The run's first byte in the file.
    pub offset: u64,
    /// The run's bytes in the file.
    pub length: u64,
    /// How many of them, at the run's end, hold what every lookup needs; read in one piece.
    pub tail_length: u32,
    /// How many of the tail's bytes, at its end, are the run's directory.
    pub directory_length: u32,
    /// The digest of the directory.
    pub directory_digest: Digest,
    /// Goes into the checksum of every page, so that no page passes for another run's; kept by copies of the run.
    pub salt: u64,
    /// The earliest event time.
    pub min_time: EventTime,
    /// The latest event time.
    pub max_time: EventTime,
    /// The commit time of the first sequence.
    pub first_commit: CommitTime,
    /// The commit time of the last sequence.
    pub last_commit: CommitTime,
    /// The lowest token.
    pub min_token: Token,
    /// The highest token.
    pub max_token: Token,
}

impl RunSummary {
    /// The bytes of an encoded summary.
    pub const ENCODED_BYTES: usize = 148;

    /// Adds the summary as it stands in footers and in the manifest.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.table.as_bytes());
        out.extend_from_slice(&self.shard.get().to_le_bytes());
        out.extend_from_slice(&self.event_count.to_le_bytes());
        out.extend_from_slice(&self.partition_count.to_le_bytes());
        out.extend_from_slice(&self.tail_length.to_le_bytes());
        out.extend_from_slice(&self.directory_length.to_le_bytes());
        out.extend_from_slice(self.directory_digest.as_bytes());
        for wide in [self.first.get(), self.last.get(), self.event_bytes, self.offset, self.length, self.salt] {
            out.extend_from_slice(&wide.to_le_bytes());
        }
        for signed in [
            self.min_time.unix_nanos(),
            self.max_time.unix_nanos(),
            self.first_commit.unix_nanos(),
            self.last_commit.unix_nanos(),
            self.min_token.get(),
            self.max_token.get(),
        ] {
            out.extend_from_slice(&signed.to_le_bytes());
        }
    }

    pub(crate) fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let table = fields.table()?;
        let shard = Shard::new(fields.u32()?);
        let (event_count, partition_count) = (fields.u32()?, fields.u32()?);
        let (tail_length, directory_length) = (fields.u32()?, fields.u32()?);
        let directory_digest = fields.digest()?;
        let summary = Self {
            table,
            shard,
            event_count,
            partition_count,
            tail_length,
            directory_length,
            directory_digest,
            first: fields.sequence()?,
            last: fields.sequence()?,
            event_bytes: fields.u64()?,
            offset: fields.u64()?,
            length: fields.u64()?,
            salt: fields.u64()?,
            min_time: fields.time()?,
            max_time: fields.time()?,
            first_commit: fields.commit_time()?,
            last_commit: fields.commit_time()?,
            min_token: fields.token()?,
            max_token: fields.token()?,
        };
        summary.is_sound().then_some(summary)
    }

    /// Whether the numbers can belong to a run at all, so that arithmetic on them can be trusted.
    fn is_sound(&self) -> bool {
        self.first > Sequence::ZERO
            && self.last.distance_from(self.first).checked_add(1) == Some(u64::from(self.event_count))
            && (1..=self.event_count).contains(&self.partition_count)
            && self.directory_length <= self.tail_length
            && u64::from(self.tail_length) <= self.length
            && self.offset.checked_add(self.length).is_some()
            && self.min_time <= self.max_time
            && self.first_commit <= self.last_commit
            && self.min_token <= self.max_token
    }

    /// Whether the run holds the event of `sequence`.
    pub fn holds(&self, sequence: Sequence) -> bool {
        self.first <= sequence && sequence <= self.last
    }

    /// Whether a partition of this token may lie in the run, by the run's bounds alone.
    pub fn may_hold_token(&self, token: Token) -> bool {
        self.tokens().contains(token)
    }

    /// The tokens from the lowest to the highest.
    pub fn tokens(&self) -> TokenRange {
        TokenRange { first: self.min_token, last: self.max_token }
    }

    /// Whether events of these times may lie in the run, by the run's bounds alone.
    pub fn may_hold_times(&self, times: &TimeRange) -> bool {
        times.overlaps(self.min_time, self.max_time)
    }
}

impl SegmentSummary {
    /// The summary as bytes, for the manifest. Layout: `FORMAT.md`.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(52 + self.runs.len() * RunSummary::ENCODED_BYTES);
        for wide in [self.id.get(), self.file_length, self.footer_offset, self.footer_length] {
            out.extend_from_slice(&wide.to_le_bytes());
        }
        out.extend_from_slice(self.footer_digest.as_bytes());
        let count = u32::try_from(self.runs.len()).expect("a writer refuses more runs than a u32 counts");
        out.extend_from_slice(&count.to_le_bytes());
        self.runs.iter().for_each(|run| run.encode_into(&mut out));
        out
    }

    /// Reads a summary; none if the bytes are not exactly one whose numbers fit together.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let id = SegmentId::new(fields.u64()?);
        let (file_length, footer_offset, footer_length) = (fields.u64()?, fields.u64()?, fields.u64()?);
        let footer_digest = fields.digest()?;
        let runs = decode_runs(&mut fields)?;
        fields.end()?;
        let ends_right = footer_offset.checked_add(footer_length) == Some(file_length);
        let runs_end = runs.iter().all(|run| run.offset + run.length <= footer_offset);
        (ends_right && runs_end).then_some(Self { id, file_length, footer_offset, footer_length, footer_digest, runs })
    }
}

/// A count and as many summaries.
pub(crate) fn decode_runs(fields: &mut Fields<'_>) -> Option<Vec<RunSummary>> {
    let count = fields.u32()? as usize;
    // The count is believed only as far as there are bytes for it.
    if count > fields.0.len() / RunSummary::ENCODED_BYTES {
        return None;
    }
    (0..count).map(|_| RunSummary::decode(fields)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> SegmentSummary {
        let run = RunSummary {
            table: TableId::from_bytes([7; 16]),
            shard: Shard::new(3),
            first: Sequence::new(11),
            last: Sequence::new(13),
            event_count: 3,
            partition_count: 2,
            event_bytes: 300,
            offset: 64,
            length: 500,
            tail_length: 200,
            directory_length: 120,
            directory_digest: Digest::of(b"directory"),
            salt: 99,
            min_time: EventTime::from_unix_nanos(-4),
            max_time: EventTime::from_unix_nanos(5),
            first_commit: CommitTime::from_unix_nanos(6),
            last_commit: CommitTime::from_unix_nanos(7),
            min_token: Token::new(-8),
            max_token: Token::new(9),
        };
        SegmentSummary {
            id: SegmentId::new(5),
            file_length: 1_000,
            footer_offset: 564,
            footer_length: 436,
            footer_digest: Digest::of(b"footer"),
            runs: vec![run.clone(), run],
        }
    }

    #[test]
    fn a_summary_comes_back_as_it_was() {
        let encoded = summary().encode();
        assert_eq!(encoded.len(), 52 + 2 * RunSummary::ENCODED_BYTES);
        assert_eq!(SegmentSummary::decode(&encoded), Some(summary()));
    }

    #[test]
    fn a_summary_that_is_cut_or_lies_about_its_runs_is_refused() {
        let encoded = summary().encode();
        for length in 0..encoded.len() {
            assert_eq!(SegmentSummary::decode(&encoded[..length]), None, "cut to {length}");
        }
        let mut boastful = encoded;
        boastful[48..52].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(SegmentSummary::decode(&boastful), None);
    }
}
