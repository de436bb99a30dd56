//! The protobuf messages in the manifest's frames, and the way between them and the nouns.
//!
//! Fields are added, never changed: `FORMAT.md` lists them.

use std::collections::BTreeSet;
use std::sync::Arc;

use prost::Message;

use super::{Edit, ManifestState, SegmentEntry};
use crate::digest::Digest;
use crate::framed::{Chain, Position};
use crate::layout::FileNumber;
use crate::segment::{SegmentId, SegmentSummary};
use crate::state::SnapshotPlace;

/// The body of a frame: a snapshot, which is the first of its file, or edits.
#[derive(Clone, PartialEq, Message)]
struct Frame {
    #[prost(message, optional, tag = "1")]
    snapshot: Option<SnapshotMessage>,
    /// The number of the first edit.
    #[prost(uint64, tag = "2")]
    first_edit: u64,
    #[prost(message, repeated, tag = "3")]
    edits: Vec<EditMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct EditMessage {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6, 7, 8")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(message, tag = "1")]
    SegmentsAdded(SegmentsMessage),
    #[prost(message, tag = "2")]
    RunsRemoved(RunsMessage),
    #[prost(uint64, tag = "3")]
    SegmentRemoved(u64),
    #[prost(uint32, tag = "4")]
    JournalStarted(u32),
    #[prost(message, tag = "5")]
    JournalReached(PositionMessage),
    #[prost(uint32, tag = "6")]
    JournalReleased(u32),
    #[prost(message, tag = "7")]
    StateSnapshot(StateMessage),
    #[prost(message, tag = "8")]
    CleanClose(PositionMessage),
}

#[derive(Clone, PartialEq, Message)]
struct SegmentsMessage {
    #[prost(bytes = "vec", repeated, tag = "1")]
    summaries: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct RunsMessage {
    #[prost(uint64, tag = "1")]
    segment: u64,
    #[prost(uint32, repeated, tag = "2")]
    runs: Vec<u32>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct PositionMessage {
    #[prost(uint32, tag = "1")]
    file: u32,
    #[prost(uint64, tag = "2")]
    offset: u64,
    #[prost(fixed64, tag = "3")]
    chain: u64,
}

#[derive(Clone, PartialEq, Message)]
struct StateMessage {
    #[prost(uint32, tag = "1")]
    number: u32,
    #[prost(bytes = "vec", tag = "2")]
    digest: Vec<u8>,
    #[prost(message, optional, tag = "3")]
    position: Option<PositionMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct SnapshotMessage {
    #[prost(message, repeated, tag = "1")]
    segments: Vec<SegmentMessage>,
    #[prost(uint64, tag = "2")]
    next_segment: u64,
    #[prost(uint32, tag = "3")]
    journal_first_needed: u32,
    #[prost(uint32, optional, tag = "4")]
    journal_started: Option<u32>,
    #[prost(message, optional, tag = "5")]
    journal_reached: Option<PositionMessage>,
    #[prost(message, optional, tag = "6")]
    state: Option<StateMessage>,
    #[prost(message, optional, tag = "7")]
    closed: Option<PositionMessage>,
    #[prost(uint64, tag = "8")]
    next_edit: u64,
}

#[derive(Clone, PartialEq, Message)]
struct SegmentMessage {
    #[prost(bytes = "vec", tag = "1")]
    summary: Vec<u8>,
    #[prost(uint32, repeated, tag = "2")]
    removed_runs: Vec<u32>,
}

/// What a frame of the manifest holds.
#[derive(Debug)]
pub(super) enum FrameContent {
    /// Everything up to here.
    Snapshot(ManifestState),
    /// Edits, and the number of the first.
    Edits(u64, Vec<Edit>),
}

/// The body of a frame that holds these edits.
pub(super) fn encode_edits(first_edit: u64, edits: &[Edit]) -> Vec<u8> {
    Frame { snapshot: None, first_edit, edits: edits.iter().map(EditMessage::from).collect() }.encode_to_vec()
}

/// The body of a frame that holds the whole.
pub(super) fn encode_snapshot(state: &ManifestState) -> Vec<u8> {
    Frame { snapshot: Some(state.into()), first_edit: 0, edits: Vec::new() }.encode_to_vec()
}

/// Whether a frame's body makes sense by itself.
pub(crate) fn check_body(body: &[u8]) -> Result<(), String> {
    decode(body).map(drop)
}

/// Reads the body of a frame.
pub(super) fn decode(body: &[u8]) -> Result<FrameContent, String> {
    let frame = Frame::decode(body).map_err(|error| error.to_string())?;
    if let Some(snapshot) = frame.snapshot {
        return snapshot.try_into().map(FrameContent::Snapshot);
    }
    let edits = frame.edits.into_iter().map(Edit::try_from).collect::<Result<_, _>>()?;
    Ok(FrameContent::Edits(frame.first_edit, edits))
}

impl From<&Edit> for EditMessage {
    fn from(edit: &Edit) -> Self {
        Self {
            kind: Some(match edit {
                Edit::SegmentsAdded(segments) => Kind::SegmentsAdded(SegmentsMessage {
                    summaries: segments.iter().map(SegmentSummary::encode).collect(),
                }),
                Edit::RunsRemoved { segment, runs } => {
                    Kind::RunsRemoved(RunsMessage { segment: segment.get(), runs: runs.clone() })
                }
                Edit::SegmentRemoved { segment } => Kind::SegmentRemoved(segment.get()),
                Edit::JournalStarted { file } => Kind::JournalStarted(file.get()),
                Edit::JournalReached { position } => Kind::JournalReached(position.into()),
                Edit::JournalReleased { first_needed } => Kind::JournalReleased(first_needed.get()),
                Edit::StateSnapshot(place) => Kind::StateSnapshot(place.into()),
                Edit::CleanClose { position } => Kind::CleanClose(position.into()),
            }),
        }
    }
}

impl TryFrom<EditMessage> for Edit {
    type Error = String;

    fn try_from(message: EditMessage) -> Result<Self, String> {
        Ok(match message.kind.ok_or("an edit without a kind that this version knows")? {
            Kind::SegmentsAdded(segments) => {
                Self::SegmentsAdded(segments.summaries.iter().map(|bytes| summary(bytes)).collect::<Result<_, _>>()?)
            }
            Kind::RunsRemoved(runs) => Self::RunsRemoved { segment: SegmentId::new(runs.segment), runs: runs.runs },
            Kind::SegmentRemoved(segment) => Self::SegmentRemoved { segment: SegmentId::new(segment) },
            Kind::JournalStarted(file) => Self::JournalStarted { file: file_number(file)? },
            Kind::JournalReached(position) => Self::JournalReached { position: position.try_into()? },
            Kind::JournalReleased(file) => Self::JournalReleased { first_needed: file_number(file)? },
            Kind::StateSnapshot(state) => Self::StateSnapshot(state.try_into()?),
            Kind::CleanClose(position) => Self::CleanClose { position: position.try_into()? },
        })
    }
}

impl From<&ManifestState> for SnapshotMessage {
    fn from(state: &ManifestState) -> Self {
        let segment = |entry: &SegmentEntry| SegmentMessage {
            summary: entry.summary.encode(),
            removed_runs: entry.removed_runs.iter().copied().collect(),
        };
        Self {
            segments: state.segments.values().map(segment).collect(),
            next_segment: state.next_segment.get(),
            journal_first_needed: state.journal_first_needed.get(),
            journal_started: state.journal_started.map(FileNumber::get),
            journal_reached: state.journal_reached.as_ref().map(PositionMessage::from),
            state: state.snapshot.as_ref().map(StateMessage::from),
            closed: state.closed.as_ref().map(PositionMessage::from),
            next_edit: state.next_edit,
        }
    }
}

impl TryFrom<SnapshotMessage> for ManifestState {
    type Error = String;

    fn try_from(message: SnapshotMessage) -> Result<Self, String> {
        let mut state = Self {
            next_segment: SegmentId::new(message.next_segment),
            journal_first_needed: file_number(message.journal_first_needed)?,
            journal_started: message.journal_started.map(file_number).transpose()?,
            journal_reached: message.journal_reached.map(Position::try_from).transpose()?,
            snapshot: message.state.map(SnapshotPlace::try_from).transpose()?,
            closed: message.closed.map(Position::try_from).transpose()?,
            next_edit: message.next_edit,
            ..Self::default()
        };
        for segment in message.segments {
            let summary = Arc::new(summary(&segment.summary)?);
            let removed_runs: BTreeSet<u32> = segment.removed_runs.into_iter().collect();
            let has_such = removed_runs.last().is_none_or(|&run| (run as usize) < summary.runs.len());
            let id = summary.id;
            let entry = SegmentEntry { summary, removed_runs };
            if !has_such || id >= state.next_segment || state.segments.insert(id, entry).is_some() {
                return Err(format!("a segment {id} that does not fit the others"));
            }
        }
        Ok(state)
    }
}

impl From<&Position> for PositionMessage {
    fn from(position: &Position) -> Self {
        Self { file: position.file.get(), offset: position.offset, chain: position.chain.get() }
    }
}

impl TryFrom<PositionMessage> for Position {
    type Error = String;

    fn try_from(message: PositionMessage) -> Result<Self, String> {
        Ok(Self { file: file_number(message.file)?, offset: message.offset, chain: Chain::new(message.chain) })
    }
}

impl From<&SnapshotPlace> for StateMessage {
    fn from(place: &SnapshotPlace) -> Self {
        Self {
            number: place.number.get(),
            digest: place.digest.as_bytes().to_vec(),
            position: Some((&place.position).into()),
        }
    }
}

impl TryFrom<StateMessage> for SnapshotPlace {
    type Error = String;

    fn try_from(message: StateMessage) -> Result<Self, String> {
        let digest = message.digest.as_slice().try_into().map_err(|_| "a digest that is not 16 bytes")?;
        Ok(Self {
            number: file_number(message.number)?,
            digest: Digest::from_bytes(digest),
            position: message.position.ok_or("a state snapshot without its position")?.try_into()?,
        })
    }
}

fn summary(bytes: &[u8]) -> Result<SegmentSummary, String> {
    SegmentSummary::decode(bytes).ok_or_else(|| "a segment's summary that does not make sense".to_owned())
}

fn file_number(number: u32) -> Result<FileNumber, String> {
    let is_file = |&number: &FileNumber| number != FileNumber::LAST;
    FileNumber::new(number).filter(is_file).ok_or_else(|| format!("file number {number}, which no file has"))
}
