//! Starts, again and again: whatever the number of clean and unclean ones, the journal stays within its settings.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use annals_embedded::{EmbeddedEngine, OpenMode, Options};
use annals_engine::{Engine, TrimMode};
use annals_model::Retention;
use annals_storage::journal::JournalOptions;
use annals_testkit::disk::MemoryDisk;
use annals_testkit::generator::{Generator, Shape};
use annals_testkit::oracle::Oracle;
use annals_testkit::tiny_store;
use annals_testkit::trial::{Tracked, definition};

const STARTS: usize = 1_000;
const FILES_MAX: usize = 4;
/// How long the background may take for what a test waits for.
const PATIENCE: Duration = Duration::from_mins(1);

fn options(disk: &MemoryDisk) -> Options {
    let mut options = tiny_store::options(disk);
    options.journal_files_max = u32::try_from(FILES_MAX).expect("a few");
    options.journal.file_bytes = 512 * 1024;
    options.journal.short_file_bytes = 64 * 1024;
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

/// Bytes of the journal's files, spares too.
fn journal_bytes(disk: &MemoryDisk) -> u64 {
    let files = disk.files().into_iter().filter(|(path, _)| path.starts_with("journal"));
    files.map(|(_, bytes)| bytes as u64).sum()
}

/// Lets others go on until something holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "it never comes to it: {what}");
        tokio::task::yield_now().await;
    }
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
        // The reserve too, and behind a crash an unfinished spare.
        assert!(all <= FILES_MAX + spares_max + 2, "{all} files in the journal's folder after start {nth}");
        // No start has so much to write that a long file is made.
        let (bytes, short) = (journal_bytes(&disk), options(&disk).journal.short_file_bytes);
        assert!(bytes <= (FILES_MAX as u64 + 2) * short, "{bytes} bytes after start {nth}");
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

#[tokio::test]
async fn an_idle_store_gives_its_spares_back_and_makes_them_again_when_it_is_busy() {
    let disk = MemoryDisk::new();
    let idle_after = Duration::from_millis(20);
    let engine = EmbeddedEngine::open(Options { journal_idle_after: idle_after, ..options(&disk) }).expect("opened");
    let JournalOptions { file_bytes, short_file_bytes, .. } = options(&disk).journal;
    let table = engine.create_table(definition("idle", 1), Vec::new()).await.expect("a new table");
    let mut tracked = Tracked { oracle: Oracle::new(table.definition.shard_count), table };
    let mut generator = Generator::new(13, Shape::default());
    for _ in 0..3 {
        let before = journal_files(&disk).1;
        while journal_files(&disk).1 < before + 2 {
            tracked.append(&engine, &generator.events(1)).await.expect("an append");
        }
        engine.settle().await.expect("memory is flushed");
        // What stays is the present file and the reserve, whatever the store did before.
        until("only what an idle store needs", || journal_bytes(&disk) <= file_bytes + short_file_bytes).await;
        assert_eq!(journal_files(&disk), (2, 1));
    }
    tracked.check(&engine).await;
    engine.close().expect("closed");
    tracked.check(&open(&disk)).await;
}

#[tokio::test]
async fn a_store_that_holds_little_takes_little() {
    let disk = MemoryDisk::new();
    let engine = EmbeddedEngine::open(Options::on_disk(Arc::new(disk.clone()))).expect("the store opens");
    let table = engine.create_table(definition("little", 1), Vec::new()).await.expect("a new table");
    let mut tracked = Tracked { oracle: Oracle::new(table.definition.shard_count), table };
    tracked.append(&engine, &Generator::new(14, Shape::default()).events(10)).await.expect("an append");
    until("the reserve", || journal_files(&disk) == (2, 1)).await;
    assert_eq!(journal_bytes(&disk), 2 * JournalOptions::default().short_file_bytes);
    engine.close().expect("closed");
    assert_eq!(journal_files(&disk), (2, 1));
}

#[tokio::test]
async fn on_a_full_disk_a_store_without_a_spare_opens_and_takes_drops_and_trims() {
    let disk = MemoryDisk::new();
    let idle_after = Duration::from_millis(20);
    let engine = EmbeddedEngine::open(Options { journal_idle_after: idle_after, ..options(&disk) }).expect("opened");
    let short_bytes = 2 * options(&disk).journal.short_file_bytes;
    let mut tables = Vec::new();
    for nth in 0..4 {
        let table = engine.create_table(definition(&format!("t{nth}"), 1), Vec::new()).await.expect("a new table");
        tables.push(table);
    }
    let mut tracked = Tracked { oracle: Oracle::new(tables[0].definition.shard_count), table: tables[0].clone() };
    let mut generator = Generator::new(15, Shape::default());
    tracked.append(&engine, &generator.events(1)).await.expect("an append");
    until("no spare but the reserve", || journal_files(&disk) == (2, 1) && journal_bytes(&disk) <= short_bytes).await;
    crash(&disk, engine);
    disk.set_capacity(Some(0));
    let engine = open(&disk);
    for dropped in &tables[1..] {
        engine.drop_table(dropped.id).await.expect("dropped on a full disk");
    }
    let all = Retention { bytes_max: Some(0), ..Retention::default() };
    engine.trim(tables[0].id, all, TrimMode::Apply).await.expect("trimmed on a full disk");
    disk.set_capacity(None);
    tracked.append(&engine, &generator.events(1)).await.expect("there is space again");
    engine.close().expect("closed");
}
