//! What a store consists of, in a few lines.

use annals_client::EventTime;
use annals_storage::manifest::SegmentEntry;
use annals_storage::store::ReadStore;
use serde_json::json;

use crate::closed_store::ClosedStore;
use crate::output::{write_json, write_text};
use crate::size_argument::{ByteSize, counted, grouped};

pub(super) fn show(store: &ClosedStore, json: bool) -> anyhow::Result<()> {
    let (read, totals) = super::read(store)?;
    let ReadStore { manifest, state, report, .. } = &read;
    let entries = manifest.segments().values();
    let runs: usize = entries.clone().map(|entry| entry.runs().count()).sum();
    let events: u64 = entries.clone().flat_map(SegmentEntry::runs).map(|(_, run)| u64::from(run.event_count)).sum();
    let bytes: u64 = entries.map(|entry| entry.summary.file_length).sum();
    let created = EventTime::from_unix_nanos(store.identity.created_unix_nanos);
    if json {
        let value = json!({
            "store": store.identity.uuid.to_string(),
            "created": created.to_string(),
            "closed": report.was_closed,
            "tables": state.tables().len(),
            "segments": {
                "count": manifest.segments().len(), "runs": runs, "events": events, "bytes": bytes,
            },
            "journal": {
                "files": report.journal_files, "frames": report.journal_frames, "events": totals.events,
                "event_bytes": totals.event_bytes, "first_needed": manifest.journal_first_needed().get(),
            },
            "manifest": {"next_edit": manifest.next_edit()},
            "torn": report.torn.iter().map(|torn| json!({
                "path": torn.path.display().to_string(), "offset": torn.offset, "length": torn.length,
            })).collect::<Vec<_>>(),
            "unknown": report.unknown.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
        });
        write_json(&mut std::io::stdout(), &value)?;
        return super::end(&read);
    }
    write_text(&format!(
        "store      {} in {}\nmade       {created}\nclosed     {}\ntables     {}\nsegments   {}, {}, {}, {}\n\
         journal    {} from number {}, {}, {} of {}\nmanifest   edit {} comes next",
        store.identity.uuid,
        store.directory.display(),
        if report.was_closed { "cleanly" } else { "no: by a crash or a kill; opening replays the journal" },
        grouped(state.tables().len() as u64),
        grouped(manifest.segments().len() as u64),
        counted(runs as u64, "run"),
        counted(events, "event"),
        ByteSize(bytes),
        counted(report.journal_files as u64, "file"),
        manifest.journal_first_needed(),
        counted(report.journal_frames, "frame"),
        counted(totals.events, "event"),
        ByteSize(totals.event_bytes),
        manifest.next_edit(),
    ))?;
    for torn in &report.torn {
        write_text(&format!(
            "torn       {} from byte {}: {}; never acknowledged, the next opening cuts it",
            torn.path.display(),
            torn.offset,
            ByteSize(torn.length)
        ))?;
    }
    for path in &report.unknown {
        write_text(&format!("unknown    {}; not the store's, left alone", path.display()))?;
    }
    super::end(&read)
}
