//! Starts, again and again: whatever the number of clean and unclean ones, the journal stays within its settings.

use std::path::Path;

use annals_embedded::{EmbeddedEngine, OpenMode, Options};
use annals_engine::Engine;
use annals_testkit::disk::MemoryDisk;
use annals_testkit::generator::{Generator, Shape};
use annals_testkit::oracle::Oracle;
use annals_testkit::tiny_store;
use annals_testkit::trial::{Tracked, definition};

const STARTS: usize = 1_000;
const FILES_MAX: usize = 4;

fn options(disk: &MemoryDisk) -> Options {
    let mut options = tiny_store::options(disk);
    options.journal_files_max = u32::try_from(FILES_MAX).expect("a few");
    options
}

fn open(disk: &MemoryDisk) -> EmbeddedEngine {
    EmbeddedEngine::open(options(disk)).expect("the store opens")
}

/// The journal files, spares too, and of these the ones that an opening reads.
fn journal_files(disk: &MemoryDisk) -> (usize, usize) {
    let files = disk.files().into_iter().filter(|(path, _)| path.starts_with("journal"));
    let is_read = |path: &Path| path.extension().is_some_and(|extension| extension == "journal");
    files.fold((0, 0), |(all, read), (path, _)| (all + 1, read + usize::from(is_read(&path))))
}

/// Takes the engine away as a crash does: nothing that it has not synced is kept.
fn crash(disk: &MemoryDisk, engine: EmbeddedEngine) {
    drop(engine);
    disk.power_cut(|_| false);
}

async fn start_often(is_clean: impl Fn(usize) -> bool, has_append: impl Fn(usize) -> bool) {
    let disk = MemoryDisk::new();
    let engine = open(&disk);
    let table = engine.create_table(definition("starts", 1), Vec::new()).await.expect("a new table");
    let mut tracked = Tracked { oracle: Oracle::new(table.definition.shard_count), table };
    let mut generator = Generator::new(11, Shape::default());
    crash(&disk, engine);
    for nth in 0..STARTS {
        let (_, read) = journal_files(&disk);
        assert!(read <= FILES_MAX, "start {nth} reads {read} journal files");
        let engine = open(&disk);
        if has_append(nth) {
            tracked.append(&engine, &generator.events(1)).await.expect("an append");
        }
        if is_clean(nth) {
            engine.close().expect("closed");
            drop(engine);
        } else {
            crash(&disk, engine);
        }
        let (all, _) = journal_files(&disk);
        let spares_max = options(&disk).journal.spare_files_max;
        // Behind a crash an unfinished spare may lie there too.
        assert!(all <= FILES_MAX + spares_max + 1, "{all} files in the journal's folder after start {nth}");
    }
    tracked.check(&open(&disk)).await;
}

#[tokio::test]
async fn a_thousand_crashes_with_an_event_each_leave_no_more_files_than_the_settings_allow() {
    start_often(|_| false, |_| true).await;
}

#[tokio::test]
async fn a_thousand_clean_starts_leave_no_more_files_than_the_settings_allow() {
    start_often(|_| true, |nth| nth % 3 == 0).await;
}

#[tokio::test]
async fn clean_and_unclean_starts_in_turn_leave_no_more_files_than_the_settings_allow() {
    start_often(|nth| nth % 5 < 2, |nth| nth % 2 == 0).await;
}

#[tokio::test]
async fn a_process_that_dies_as_soon_as_it_has_started_leaves_no_file_more() {
    let disk = MemoryDisk::new();
    crash(&disk, open(&disk));
    let (_, begun) = journal_files(&disk);
    for nth in 0..STARTS {
        crash(&disk, open(&disk));
        assert_eq!(journal_files(&disk).1, begun, "after start {nth}");
    }
}

#[tokio::test]
async fn opening_for_reading_only_changes_nothing_however_many_files_there_are() {
    let disk = MemoryDisk::new();
    let generous = Options { journal_files_max: 100, ..options(&disk) };
    let mut generator = Generator::new(12, Shape::default());
    let mut tracked = None;
    for _ in 0..3 * FILES_MAX {
        let engine = EmbeddedEngine::open(generous.clone()).expect("the store opens");
        if tracked.is_none() {
            let table = engine.create_table(definition("starts", 1), Vec::new()).await.expect("a new table");
            tracked = Some(Tracked { oracle: Oracle::new(table.definition.shard_count), table });
        }
        let tracked = tracked.as_mut().expect("it was made");
        tracked.append(&engine, &generator.events(1)).await.expect("an append");
        crash(&disk, engine);
    }
    assert!(journal_files(&disk).1 > FILES_MAX, "there are more files than the next opening allows");
    let before = disk.digest();
    let read_only = Options { mode: OpenMode::ReadOnly, ..options(&disk) };
    let engine = EmbeddedEngine::open(read_only).expect("opened for reading");
    let tracked = tracked.expect("it was made");
    tracked.check(&engine).await;
    drop(engine);
    assert_eq!(disk.digest(), before);
    // The store that grew under another setting comes within this one's when it is opened.
    let engine = open(&disk);
    tracked.check(&engine).await;
    assert_eq!(journal_files(&disk).1, 1, "all that was recovered lies in segments");
}
