//! Bodies of manifest frames, written after `FORMAT.md` field by field, with what they should make of the state.

use std::collections::{BTreeMap, BTreeSet};

use annals_model::{CommitTime, EventTime, Sequence, Shard, TableId, Token};
use annals_storage::Digest;
use annals_storage::segment::{RunSummary, SegmentId, SegmentSummary};

use super::super::forge::Place;
use super::super::input::Input;

/// The state that a manifest's frames lead to, as far as it can be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Expected {
    /// Runs of each segment, and which of them are removed.
    pub(super) segments: BTreeMap<u64, (usize, BTreeSet<u32>)>,
    pub(super) next_segment: u64,
    pub(super) first_needed: u32,
    pub(super) started: Option<u32>,
    pub(super) reached: Option<Place>,
    pub(super) snapshot: Option<(u32, Place)>,
    pub(super) closed: Option<Place>,
    pub(super) next_edit: u64,
}

/// An edit: its field number and bytes, and what it says.
pub(super) struct ForgedEdit {
    bytes: Vec<u8>,
    says: Says,
}

enum Says {
    Added(Vec<(u64, usize)>),
    RunsRemoved(u64, Vec<u32>),
    Removed(u64),
    Started(u32),
    Reached(Place),
    Released(u32),
    Snapshot(u32, Place),
    Closed(Place),
}

impl Expected {
    /// A state that a manifest's file may begin with.
    pub(super) fn choose(input: &mut Input<'_>) -> Self {
        let choice = input.byte();
        let mut expected = Self {
            next_segment: 1 + u64::from(choice & 3),
            first_needed: 1 + u32::from(choice >> 2 & 3),
            next_edit: 1 + input.number() / 2,
            ..Self::default()
        };
        expected.started = (choice & 0x10 != 0).then(|| expected.first_needed + u32::from(input.byte() % 4));
        expected.reached = (choice & 0x20 != 0).then(|| place(input));
        expected.snapshot = (choice & 0x40 != 0).then(|| (1 + u32::from(input.byte()), place(input)));
        expected.closed = (choice & 0x80 != 0).then(|| place(input));
        for id in (1..expected.next_segment).step_by(1 + usize::from(input.byte() % 2)) {
            let runs = 1 + usize::from(input.byte() % 3);
            let removed = if input.is_set() { BTreeSet::from([0]) } else { BTreeSet::new() };
            expected.segments.insert(id, (runs, removed));
        }
        expected
    }

    /// The body of the frame that a file begins with.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut snapshot = Vec::new();
        for (&id, (runs, removed)) in &self.segments {
            let mut segment = Vec::new();
            put_bytes(&mut segment, 1, &summary(id, *runs).encode());
            for &run in removed {
                put_varint(&mut segment, 2, run.into());
            }
            put_bytes(&mut snapshot, 1, &segment);
        }
        put_varint(&mut snapshot, 2, self.next_segment);
        put_varint(&mut snapshot, 3, self.first_needed.into());
        if let Some(started) = self.started {
            put_varint(&mut snapshot, 4, started.into());
        }
        if let Some(reached) = self.reached {
            put_bytes(&mut snapshot, 5, &encode_place(reached));
        }
        if let Some((number, place)) = self.snapshot {
            put_bytes(&mut snapshot, 6, &encode_state(number, place));
        }
        if let Some(closed) = self.closed {
            put_bytes(&mut snapshot, 7, &encode_place(closed));
        }
        put_varint(&mut snapshot, 8, self.next_edit);
        let mut body = Vec::new();
        put_bytes(&mut body, 1, &snapshot);
        body
    }

    /// Applies an edit; what the store refuses is not asked for.
    pub(super) fn apply(&mut self, edit: &ForgedEdit) {
        self.next_edit += 1;
        self.closed = None;
        match &edit.says {
            Says::Added(segments) => {
                for &(id, runs) in segments {
                    self.segments.insert(id, (runs, BTreeSet::new()));
                    self.next_segment = self.next_segment.max(id.saturating_add(1));
                }
            }
            Says::RunsRemoved(id, runs) => {
                if let Some((_, removed)) = self.segments.get_mut(id) {
                    removed.extend(runs);
                }
            }
            Says::Removed(id) => drop(self.segments.remove(id)),
            Says::Started(number) => self.started = Some(*number),
            Says::Reached(place) => {
                if self.reached.is_none_or(|reached| (reached.0, reached.1) < (place.0, place.1)) {
                    self.reached = Some(*place);
                }
            }
            Says::Released(number) => self.first_needed = self.first_needed.max(*number),
            Says::Snapshot(number, place) => self.snapshot = Some((*number, *place)),
            Says::Closed(place) => self.closed = Some(*place),
        }
    }
}

impl ForgedEdit {
    /// An edit that fits the state as a rule.
    pub(super) fn choose(input: &mut Input<'_>, state: &Expected) -> Self {
        let choice = input.byte();
        let odd = choice >= 240;
        let known = state.segments.keys().nth(input.below(state.segments.len().max(1))).copied().unwrap_or(1);
        let id = |input: &mut Input<'_>| if odd { input.number() } else { known };
        let file = |input: &mut Input<'_>, usual: u32| if odd { input.number_of_32_bits() } else { usual };
        let says = match choice % 8 {
            0 | 1 => {
                let first = if odd { input.number() } else { state.next_segment };
                let count = 1 + u64::from(input.byte() % 3);
                let runs = usize::from(input.byte() % 3);
                Says::Added((0..count).map(|nth| (first.saturating_add(nth), runs)).collect())
            }
            2 => Says::RunsRemoved(id(input), vec![(input.byte() % 3).into()]),
            3 => Says::Removed(id(input)),
            4 => Says::Started(file(input, state.started.unwrap_or(0).saturating_add(1))),
            5 => Says::Reached(place(input)),
            6 if choice & 0x10 == 0 => Says::Released(file(input, state.started.unwrap_or(1))),
            6 => Says::Closed(place(input)),
            _ => Says::Snapshot(1 + u32::from(input.byte()), place(input)),
        };
        Self { bytes: says.encode(), says }
    }
}

impl Says {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Added(segments) => {
                let mut message = Vec::new();
                for &(id, runs) in segments {
                    put_bytes(&mut message, 1, &summary(id, runs).encode());
                }
                put_bytes(&mut out, 1, &message);
            }
            Self::RunsRemoved(id, runs) => {
                let mut message = Vec::new();
                put_varint(&mut message, 1, *id);
                for &run in runs {
                    put_varint(&mut message, 2, run.into());
                }
                put_bytes(&mut out, 2, &message);
            }
            Self::Removed(id) => put_varint(&mut out, 3, *id),
            Self::Started(file) => put_varint(&mut out, 4, (*file).into()),
            Self::Reached(place) => put_bytes(&mut out, 5, &encode_place(*place)),
            Self::Released(file) => put_varint(&mut out, 6, (*file).into()),
            Self::Snapshot(number, place) => put_bytes(&mut out, 7, &encode_state(*number, *place)),
            Self::Closed(place) => put_bytes(&mut out, 8, &encode_place(*place)),
        }
        out
    }
}

/// The body of a frame of edits.
pub(super) fn encode_edits(first_edit: u64, edits: &[ForgedEdit]) -> Vec<u8> {
    let mut body = Vec::new();
    put_varint(&mut body, 2, first_edit);
    for edit in edits {
        put_bytes(&mut body, 3, &edit.bytes);
    }
    body
}

fn place(input: &mut Input<'_>) -> Place {
    (1 + u32::from(input.byte()), input.number(), input.number())
}

fn encode_place((file, offset, chain): Place) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, 1, file.into());
    put_varint(&mut out, 2, offset);
    out.push(3 << 3 | 1);
    out.extend_from_slice(&chain.to_le_bytes());
    out
}

fn encode_state(number: u32, place: Place) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, 1, number.into());
    put_bytes(&mut out, 2, &[9; 16]);
    put_bytes(&mut out, 3, &encode_place(place));
    out
}

/// A summary of a segment with so many runs.
fn summary(id: u64, runs: usize) -> SegmentSummary {
    let run = |nth: usize| RunSummary {
        table: TableId::from_bytes([1; 16]),
        shard: Shard::ZERO,
        first: Sequence::new(10 * nth as u64 + 1),
        last: Sequence::new(10 * nth as u64 + 10),
        event_count: 10,
        partition_count: 2,
        event_bytes: 1_000,
        offset: 64 + 500 * nth as u64,
        length: 500,
        tail_length: 200,
        directory_length: 100,
        directory_digest: Digest::of(b"directory"),
        salt: 1,
        min_time: EventTime::from_unix_nanos(1),
        max_time: EventTime::from_unix_nanos(2),
        first_commit: CommitTime::from_unix_nanos(3),
        last_commit: CommitTime::from_unix_nanos(4),
        min_token: Token::new(-1),
        max_token: Token::new(1),
    };
    let footer_offset = 64 + 500 * runs as u64;
    SegmentSummary {
        id: SegmentId::new(id),
        file_length: footer_offset + 100,
        footer_offset,
        footer_length: 100,
        footer_digest: Digest::of(b"footer"),
        runs: (0..runs).map(run).collect(),
    }
}

fn put_varint(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push(field << 3);
    put_number(out, value);
}

fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}
