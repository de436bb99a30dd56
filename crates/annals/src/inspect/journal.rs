//! Every record of the journal, from the first file that is still needed.

use std::io::{BufWriter, Write};

use annals_storage::framed::FrameInfo;
use annals_storage::journal::{self, JournalRecord, Mark, RecoverFrom};
use annals_storage::manifest;
use annals_storage::state::StateRecord;
use anyhow::Context;
use serde_json::{Value as Json, json};

use crate::closed_store::ClosedStore;
use crate::size_argument::counted;
use crate::terminal::note;

pub(super) fn show(store: &ClosedStore, json: bool) -> anyhow::Result<()> {
    let disk = &*store.disk;
    let manifest = manifest::recover(disk, &store.identity, |_, _, _| {})?.state;
    let from = RecoverFrom {
        first_needed: manifest.journal_first_needed(),
        started: manifest.journal_started(),
        must_hold: manifest.closed().into_iter().collect(),
    };
    let mut out = BufWriter::new(std::io::stdout());
    let mut written = Ok(());
    let recovered = journal::recover(disk, &store.identity, from, |frame, record| {
        if written.is_ok() {
            written = write_record(frame, &record, json, &mut out);
        }
        Ok(())
    });
    // What comes before damage is worth seeing, so it is written before the damage is reported.
    written.and_then(|()| out.flush()).context("writing the records")?;
    let recovered = recovered?;
    if let Some(torn) = recovered.torn {
        note(&format!("{} is torn from byte {} on: never acknowledged", torn.path.display(), torn.offset));
    }
    if recovered.frames == 0 {
        note("the journal holds no frame that is still needed");
    }
    Ok(())
}

fn write_record(frame: &FrameInfo, record: &JournalRecord, json: bool, out: &mut impl Write) -> std::io::Result<()> {
    let place = &frame.place;
    if !json {
        let (file, number, offset) = (place.file, place.frame, place.offset);
        return writeln!(out, "{file}:{offset}  frame {number}  {}  {}", frame.commit_time, text_of(record));
    }
    let mut object = object_of(record);
    object["file"] = place.file.get().into();
    object["frame"] = place.frame.into();
    object["offset"] = place.offset.into();
    object["commit_time"] = frame.commit_time.to_string().into();
    writeln!(out, "{object}")
}

fn text_of(record: &JournalRecord) -> String {
    match record {
        JournalRecord::Batch(batch) => format!(
            "{} from sequence {} of shard {} of table {}, {} bytes",
            counted(batch.events.len() as u64, "event"),
            batch.first_sequence,
            batch.shard,
            batch.table,
            batch.events.bytes().len()
        ),
        JournalRecord::State(record) => change_text(record),
        JournalRecord::Mark(Mark::Idle) => "mark: idle".to_owned(),
        JournalRecord::Mark(Mark::Close { edit }) => format!("mark: closed by manifest edit {edit}"),
    }
}

fn change_text(record: &StateRecord) -> String {
    match record {
        StateRecord::TableCreated(table) => format!("table {} made with id {}", table.definition.name, table.id),
        StateRecord::TableUpdated { table, revision, .. } => format!("table {table} changed to revision {revision}"),
        StateRecord::ColumnsLearned { table, columns, .. } => {
            let names: Vec<_> = columns.iter().map(|learned| format!("{:?}", learned.column.name)).collect();
            format!("table {table} learned {}", names.join(", "))
        }
        StateRecord::TableDropped { table } => format!("table {table} dropped"),
        StateRecord::DroppedForgotten { table } => format!("nothing is left of dropped table {table}"),
        StateRecord::FloorRaised { table, shard, first_retained } => {
            format!("shard {shard} of table {table} is retained from sequence {first_retained} on")
        }
        StateRecord::ClockNoted(span) => format!("{}: {span}", if span.is_opening { "opened" } else { "the clocks" }),
    }
}

fn object_of(record: &JournalRecord) -> Json {
    match record {
        JournalRecord::Batch(batch) => json!({
            "record": "batch", "table": batch.table.to_string(), "shard": batch.shard.get(),
            "first_sequence": batch.first_sequence.get(), "events": batch.events.len(),
            "event_bytes": batch.events.bytes().len(),
        }),
        JournalRecord::State(record) => json!({"record": "state", "change": change_text(record)}),
        JournalRecord::Mark(Mark::Idle) => json!({"record": "mark", "mark": "idle"}),
        JournalRecord::Mark(Mark::Close { edit }) => json!({"record": "mark", "mark": "close", "edit": edit}),
    }
}
