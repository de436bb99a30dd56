//! `annals verify`: reads and checks every byte of a closed store, and changes nothing.
//!
//! Ends with 0 only when all is well. What was being written when a crash came (a torn end), and files that are not the
//! store's, are told and are no damage. The directory of partitions is not looked at: it is made anew from the segments
//! whenever it is wrong.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use annals_storage::cache::CacheLimits;
use annals_storage::layout;
use annals_storage::manifest::ManifestState;
use annals_storage::segment::Segments;
use annals_storage::verify::{Verified, verify};
use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::closed_store::ClosedStore;
use crate::failure::StoreDamaged;
use crate::output::write_json;
use crate::size_argument::{ByteSize, counted};
use crate::terminal::Stream;

/// Its arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store's directory. No server may have it open for writing.
    directory: PathBuf,
    /// Write JSON.
    #[arg(long)]
    json: bool,
}

/// What all checks together found.
#[derive(Default)]
struct Report {
    files: u64,
    bytes: u64,
    segments: usize,
    events: u64,
    findings: Vec<String>,
    notes: Vec<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let store = ClosedStore::open(&args.directory)?;
    let verified = verify(&*store.disk)?;
    let mut report = Report::of_files(&verified);
    match &verified.manifest {
        Some(manifest) => check_segments(&store, manifest, &mut report)?,
        None => report.notes.push("the segments were not read: without a manifest nothing says which there are".into()),
    }
    show(&args.directory, &report, args.json)
}

impl Report {
    fn of_files(verified: &Verified) -> Self {
        let torn = verified.torn.iter().map(|torn| {
            format!(
                "{} ends in a torn frame from byte {} on ({}): it was never acknowledged, and the next opening cuts it",
                torn.path.display(),
                torn.offset,
                ByteSize(torn.length)
            )
        });
        let unknown = verified.unknown.iter().map(|path| format!("{} is not the store's", path.display()));
        Self {
            files: verified.files,
            bytes: verified.bytes,
            findings: verified.findings.iter().map(ToString::to_string).collect(),
            notes: torn.chain(unknown).collect(),
            ..Self::default()
        }
    }
}

fn check_segments(store: &ClosedStore, manifest: &ManifestState, report: &mut Report) -> anyhow::Result<()> {
    let disk = Arc::clone(&store.disk);
    let segments = Segments::new(disk, layout::SEGMENTS, store.identity.uuid, CacheLimits::default());
    let entries = manifest.segments();
    let bar = progress_bar(entries.values().map(|entry| entry.summary.file_length).sum());
    for entry in entries.values() {
        bar.set_message(format!("segment {}", entry.summary.id.get()));
        let checked = segments.verify(&entry.summary);
        report.files += 1;
        report.segments += 1;
        report.bytes += checked.bytes;
        report.events += checked.events;
        report.findings.extend(checked.findings.iter().map(ToString::to_string));
        bar.inc(entry.summary.file_length);
    }
    bar.finish_and_clear();
    let (sealed, strangers) = segments.list().context("listing the segments")?;
    let named: BTreeSet<_> = entries.keys().copied().collect();
    let unnamed = sealed.into_iter().filter(|id| !named.contains(id)).map(|id| segments.path(id));
    let notes = unnamed.map(|path| format!("{} is named by nothing: what a crash left of a flush", path.display()));
    report.notes.extend(notes);
    let strangers = strangers.into_iter().map(|name| format!("segments/{} is not a segment", name.display()));
    report.notes.extend(strangers);
    Ok(())
}

fn progress_bar(bytes: u64) -> ProgressBar {
    let target =
        if Stream::of_stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {msg}")
        .expect("the template is fixed");
    ProgressBar::with_draw_target(Some(bytes), target).with_style(style)
}

fn show(directory: &std::path::Path, report: &Report, as_json: bool) -> anyhow::Result<()> {
    let sound = report.findings.is_empty();
    let mut out = std::io::stdout();
    if as_json {
        let value = json!({
            "sound": sound, "files": report.files, "bytes": report.bytes, "segments": report.segments,
            "events_in_segments": report.events, "findings": report.findings, "notes": report.notes,
        });
        write_json(&mut out, &value)?;
    } else {
        let notes = report.notes.iter().map(|note| format!("note     {note}"));
        for line in report.findings.iter().map(|finding| format!("damage   {finding}")).chain(notes) {
            writeln!(out, "{line}").context("writing the findings")?;
        }
        writeln!(
            out,
            "{} read, {}; {} with {}",
            counted(report.files, "file"),
            ByteSize(report.bytes),
            counted(report.segments as u64, "segment"),
            counted(report.events, "event")
        )
        .context("writing the summary")?;
    }
    if sound {
        if !as_json {
            writeln!(out, "all is well").context("writing the summary")?;
        }
        return Ok(());
    }
    Err(StoreDamaged(format!(
        "{} in {}. Nothing was changed. Keep a copy of the directory before anything else; `annals serve \
         --read-only` serves what can still be read.",
        counted(report.findings.len() as u64, "finding"),
        directory.display()
    ))
    .into())
}
