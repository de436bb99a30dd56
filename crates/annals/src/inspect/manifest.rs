//! The edits of the newest manifest file; what came before them is in the snapshot that it begins with.

use std::io::{BufWriter, Write};

use annals_storage::framed::FrameInfo;
use annals_storage::manifest::{self, Edit};
use anyhow::Context;
use serde_json::json;

use crate::closed_store::ClosedStore;
use crate::size_argument::counted;
use crate::terminal::note;

pub(super) fn show(store: &ClosedStore, json: bool) -> anyhow::Result<()> {
    let mut out = BufWriter::new(std::io::stdout());
    let mut written = Ok(());
    let mut edits = 0_u64;
    let recovered = manifest::recover(&*store.disk, &store.identity, |frame, number, edit| {
        edits += 1;
        if written.is_ok() {
            written = write_edit(frame, number, edit, json, &mut out);
        }
    });
    // What comes before damage is worth seeing, so it is written before the damage is reported.
    written.and_then(|()| out.flush()).context("writing the edits")?;
    let state = recovered?.state;
    if edits == 0 {
        note("no edit since the snapshot that the newest file begins with");
    }
    if !json {
        let segments = counted(state.segments().len() as u64, "segment");
        note(&format!("together: {segments}; `annals inspect DIR segments` lists them"));
    }
    Ok(())
}

fn write_edit(frame: &FrameInfo, number: u64, edit: &Edit, json: bool, out: &mut impl Write) -> std::io::Result<()> {
    let place = &frame.place;
    if json {
        let object = json!({
            "edit": number, "what": text_of(edit), "file": place.file.get(), "frame": place.frame,
            "offset": place.offset,
        });
        return writeln!(out, "{object}");
    }
    writeln!(out, "{}:{}  edit {number}  {}", place.file, place.offset, text_of(edit))
}

fn text_of(edit: &Edit) -> String {
    match edit {
        Edit::SegmentsAdded(segments) => {
            let one = |segment: &annals_storage::segment::SegmentSummary| {
                format!(
                    "{} ({}, {} bytes)",
                    segment.id.get(),
                    counted(segment.runs.len() as u64, "run"),
                    segment.file_length
                )
            };
            format!("segments added: {}", segments.iter().map(one).collect::<Vec<_>>().join(", "))
        }
        Edit::RunsRemoved { segment, runs } => format!("runs {runs:?} of segment {} removed", segment.get()),
        Edit::SegmentRemoved { segment } => format!("segment {} removed", segment.get()),
        Edit::JournalStarted { file } => format!("journal file {file} begun"),
        Edit::JournalReached { position } => format!("the journal reached {position}"),
        Edit::JournalReleased { first_needed } => format!("journal files before {first_needed} released"),
        Edit::StateSnapshot(place) => format!("state file {} holds the state at {}", place.number, place.position),
        Edit::CleanClose { position } => format!("closed; the journal ends at {position}"),
    }
}
