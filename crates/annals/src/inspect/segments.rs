//! The segments and their runs, as the manifest has them; one segment from inside.

use std::io::Write;
use std::sync::Arc;

use annals_model::{Table, TableId};
use annals_storage::layout;
use annals_storage::manifest::SegmentEntry;
use annals_storage::segment::CacheLimits;
use annals_storage::segment::{RunSummary, SegmentId, SegmentInspection, Segments};
use annals_storage::state::State;
use anyhow::Context;
use serde_json::{Value as Json, json};

use crate::closed_store::ClosedStore;
use crate::output::{TextTable, write_json};
use crate::size_argument::{ByteSize, grouped};
use crate::terminal::{Stream, note};

pub(super) fn show(store: &ClosedStore, segment: Option<u64>, json: bool) -> anyhow::Result<()> {
    let (read, _) = super::read(store)?;
    let segments = read.manifest.segments();
    if let Some(number) = segment {
        let listed = || format!("segment {number} is no part of the store; `annals inspect DIR segments` lists them");
        let entry = segments.get(&SegmentId::new(number)).with_context(listed)?;
        show_inside(store, entry, json)?;
        return super::end(&read);
    }
    if json {
        let mut out = std::io::stdout();
        segments.values().try_for_each(|entry| write_json(&mut out, &entry_object(entry, &read.state)))?;
        return super::end(&read);
    }
    if segments.is_empty() {
        note("the store has no segments yet; its events are in the journal");
        return super::end(&read);
    }
    let header =
        ["segment", "run", "table", "shard", "sequences", "events", "partitions", "stored", "of", "event times"];
    let mut shown = TextTable::new(Stream::of_stdout(), header);
    shown.align_right([0, 1, 3, 5, 6, 7, 8]);
    for entry in segments.values() {
        for (index, run) in entry.runs() {
            shown.add_row(run_row(entry, index, run, &read.state));
        }
    }
    shown.write(&mut std::io::stdout())?;
    super::end(&read)
}

fn run_row(entry: &SegmentEntry, index: u32, run: &RunSummary, state: &State) -> [String; 10] {
    [
        entry.summary.id.get().to_string(),
        index.to_string(),
        table_text(run.table, state),
        run.shard.to_string(),
        format!("{} to {}", run.first, run.last),
        grouped(run.event_count.into()),
        grouped(run.partition_count.into()),
        ByteSize(run.length).to_string(),
        ByteSize(run.event_bytes).to_string(),
        format!("{} to {}", run.min_time, run.max_time),
    ]
}

/// The table's name; its id where it has none any more.
fn table_text(id: TableId, state: &State) -> String {
    let name = |table: &Table| table.definition.name.to_string();
    state.tables().get(&id).map_or_else(|| id.to_string(), name)
}

fn entry_object(entry: &SegmentEntry, state: &State) -> Json {
    let summary = &entry.summary;
    let runs = entry.runs().map(|(index, run)| {
        json!({
            "run": index, "table": table_text(run.table, state), "table_id": run.table.to_string(),
            "shard": run.shard.get(), "first_sequence": run.first.get(), "last_sequence": run.last.get(),
            "events": run.event_count, "partitions": run.partition_count, "event_bytes": run.event_bytes,
            "stored_bytes": run.length, "offset": run.offset,
            "min_time": run.min_time.to_string(), "max_time": run.max_time.to_string(),
            "first_commit": run.first_commit.to_string(), "last_commit": run.last_commit.to_string(),
        })
    });
    json!({
        "segment": summary.id.get(), "bytes": summary.file_length,
        "footer": {"offset": summary.footer_offset, "length": summary.footer_length,
            "digest": summary.footer_digest.to_string()},
        "removed_runs": entry.removed_runs, "runs": runs.collect::<Vec<_>>(),
    })
}

fn show_inside(store: &ClosedStore, entry: &SegmentEntry, json: bool) -> anyhow::Result<()> {
    let disk = Arc::clone(&store.disk);
    let segments = Segments::new(disk, layout::SEGMENTS, store.identity.uuid, CacheLimits::default());
    let inspection = segments.inspect(&entry.summary)?;
    if json {
        return write_json(&mut std::io::stdout(), &inside_object(&inspection));
    }
    write!(std::io::stdout(), "{inspection}").context("writing the segment")
}

fn inside_object(inspection: &SegmentInspection) -> Json {
    let runs = inspection.runs.iter().map(|run| {
        let sections = run.sections.iter().map(|section| {
            json!({
                "kind": section.kind.to_string(), "pages": section.pages, "stored_bytes": section.stored_bytes,
                "content_bytes": section.content_bytes,
            })
        });
        json!({
            "table_id": run.summary.table.to_string(), "shard": run.summary.shard.get(),
            "first_sequence": run.summary.first.get(), "last_sequence": run.summary.last.get(),
            "batches": run.batch_count, "stretches_of_hours": run.hours.ranges().len(),
            "sections": sections.collect::<Vec<_>>(),
        })
    });
    json!({"segment": inspection.summary.id.get(), "runs": runs.collect::<Vec<_>>()})
}
