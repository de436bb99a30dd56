//! `annals verify`: reads and checks every byte of a closed store, and changes nothing.
//!
//! Lists every damaged place, as many as a person reads, and how many there are; ends with 0 only when all is well. What
//! was being written when a crash came (a torn end), what was put into quarantine, and files that nothing in the store
//! names are told and are no damage. The directory of partitions is not looked at: it is made anew from the segments
//! whenever it is wrong.

use std::io::Write;
use std::path::PathBuf;

use annals_storage::verify::{Verified, bytes_to_verify, verify_all};
use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::closed_store::ClosedStore;
use crate::failure::StoreDamaged;
use crate::output::{FormArgs, write_json};
use crate::size_argument::{ByteSize, counted};
use crate::terminal::Stream;

/// Its arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store's directory. No server may have it open for writing.
    directory: PathBuf,
    #[command(flatten)]
    form: FormArgs,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let store = ClosedStore::open(&args.directory)?;
    let bar = progress_bar(bytes_to_verify(&*store.disk));
    let verified = verify_all(&store.disk, &mut |path, bytes| {
        bar.set_message(path.display().to_string());
        bar.inc(bytes);
    });
    bar.finish_and_clear();
    let verified = verified.with_context(|| format!("the store in {}", args.directory.display()))?;
    if args.form.json() {
        show_json(&verified)?;
    } else {
        show(&verified)?;
    }
    if verified.is_sound() {
        return Ok(());
    }
    Err(StoreDamaged(format!(
        "{} in {}. Nothing was changed. Keep a copy of the directory before anything else; `annals serve --read-only \
         --data DIR` serves what is sound.",
        counted(verified.findings.total(), "finding"),
        args.directory.display()
    ))
    .into())
}

/// A bar on a terminal, nothing elsewhere.
fn progress_bar(bytes: u64) -> ProgressBar {
    let target =
        if Stream::of_stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {msg}")
        .expect("the template is fixed");
    ProgressBar::with_draw_target(Some(bytes), target).with_style(style)
}

/// What is worth knowing and no damage.
fn notes(verified: &Verified) -> Vec<String> {
    let mut notes = Vec::new();
    for torn in &verified.torn {
        notes.push(format!(
            "{} ends in a torn frame from byte {} on ({}): it was never acknowledged, and the next opening cuts it",
            torn.path.display(),
            torn.offset,
            ByteSize(torn.length)
        ));
    }
    let told = |paths: &[PathBuf], what: &str| -> Vec<String> {
        paths.iter().map(|path| format!("{} {what}", path.display())).collect()
    };
    notes.extend(told(&verified.unnamed, "is named by nothing: what a crash left, and means nothing"));
    notes.extend(told(&verified.unknown, "is not the store's"));
    for (path, bytes) in &verified.quarantine {
        let size = ByteSize(*bytes);
        notes.push(format!("{} ({size}) was put aside by an earlier opening, whose log says why", path.display()));
    }
    if verified.manifest.is_none() {
        let text = "without its manifest nothing says which segments are the store's; each was checked by itself";
        notes.push(text.to_owned());
    }
    notes
}

fn show(verified: &Verified) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    let mut lines: Vec<String> =
        verified.findings.first().iter().map(|finding| format!("damage   {finding}")).collect();
    let unlisted = verified.findings.total() - lines.len() as u64;
    if unlisted > 0 {
        lines.push(format!("damage   and {}, which are not listed", counted(unlisted, "more place")));
    }
    lines.extend(notes(verified).into_iter().map(|note| format!("note     {note}")));
    lines.push(format!(
        "{} read, {}; {} with {}",
        counted(verified.files, "file"),
        ByteSize(verified.bytes),
        counted(verified.segments, "segment"),
        counted(verified.events, "event")
    ));
    lines.extend(verified.is_sound().then(|| "all is well".to_owned()));
    lines.iter().try_for_each(|line| writeln!(out, "{line}")).context("writing the findings")
}

fn show_json(verified: &Verified) -> anyhow::Result<()> {
    let findings: Vec<_> = verified.findings.first().iter().map(ToString::to_string).collect();
    let value = json!({
        "sound": verified.is_sound(), "files": verified.files, "bytes": verified.bytes,
        "segments": verified.segments, "events_in_segments": verified.events,
        "findings": findings, "findings_total": verified.findings.total(), "notes": notes(verified),
    });
    write_json(&mut std::io::stdout(), &value)
}
