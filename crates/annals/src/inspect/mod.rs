//! `annals inspect`: what a closed store's files hold, for people and programs.
//!
//! Of a store whose journal is damaged it shows what comes before the damage, and then ends with that damage.

mod journal;
mod manifest;
mod overview;
mod segments;
mod state;

use std::path::PathBuf;

use annals_storage::Damage;
use annals_storage::framed::FrameInfo;
use annals_storage::identity::StoreIdentity;
use annals_storage::journal::RecordedBatch;
use annals_storage::manifest::ManifestState;
use annals_storage::state::{State, StateRecord};
use annals_storage::store::{ReadStore, Replay, open_read_only};
use clap::ValueEnum;

use crate::closed_store::ClosedStore;
use crate::failure::StoreDamaged;
use crate::output::FormArgs;

/// Its arguments.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  annals inspect data                      # what the store consists of
  annals inspect data journal              # every record of the journal
  annals inspect data segments --segment 3 # one segment from inside")]
pub(crate) struct Args {
    /// The store's directory. No server may have it open for writing.
    directory: PathBuf,
    /// Which of its files.
    #[arg(value_enum, default_value_t = Part::Overview)]
    part: Part,
    /// Only this segment, by its number as `segments` lists it.
    #[arg(long, value_name = "ID")]
    segment: Option<u64>,
    #[command(flatten)]
    form: FormArgs,
}

/// A part of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// What the store consists of
    Overview,
    /// The records of the journal that are still needed, in order
    Journal,
    /// The edits of the newest manifest file
    Manifest,
    /// The tables, as the state and the journal have them
    State,
    /// The segments and their runs
    Segments,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let store = ClosedStore::open(&args.directory)?;
    anyhow::ensure!(args.segment.is_none() || args.part == Part::Segments, "--segment goes with the part `segments`");
    match args.part {
        Part::Overview => overview::show(&store, args.form.json()),
        Part::Journal => journal::show(&store, args.form.json()),
        Part::Manifest => manifest::show(&store, args.form.json()),
        Part::State => state::show(&store, args.form.json()),
        Part::Segments => segments::show(&store, args.segment, args.form.json()),
    }
}

/// Reads manifest, state and journal, up to damage of the journal.
fn read(store: &ClosedStore) -> anyhow::Result<(ReadStore, JournalTotals)> {
    let mut totals = JournalTotals::default();
    let read = open_read_only(&*store.disk, &mut totals)?;
    Ok((read, totals))
}

/// Ends a command that has shown what is sound: with an error where that is not all.
fn end(read: &ReadStore) -> anyhow::Result<()> {
    let Some(damage) = &read.damage else { return Ok(()) };
    let rest = if read.is_whole {
        "it lies behind all that was ever acknowledged, so all of the store is shown"
    } else {
        "what is shown ends before it"
    };
    Err(StoreDamaged(format!("{damage}; {rest}. `annals verify DIR` tells how far the damage goes")).into())
}

/// What the journal holds, counted.
#[derive(Clone, Copy, Debug, Default)]
struct JournalTotals {
    events: u64,
    event_bytes: u64,
}

impl Replay for JournalTotals {
    fn begin(&mut self, _: &StoreIdentity, _: &ManifestState, _: &State) {}

    fn batch(&mut self, _: &FrameInfo, batch: RecordedBatch, _: &State) -> Result<(), String> {
        self.events += batch.events.len() as u64;
        self.event_bytes += batch.events.bytes().len() as u64;
        Ok(())
    }

    fn changed(&mut self, _: &FrameInfo, _: &StateRecord, _: &State) -> Result<(), String> {
        Ok(())
    }

    fn end(&mut self, _: &State, _: Option<&Damage>) -> Result<(), String> {
        Ok(())
    }
}
