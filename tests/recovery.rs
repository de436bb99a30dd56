//! What a store makes of files that a crash or a bad disk left, on the real disk, through the real opening.
//!
//! A torn end is cut and everything acknowledged is there. Damage is named, with file, offset, expected and found, and
//! nothing is written. What can be rebuilt is rebuilt.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use annals_embedded::{EmbeddedEngine, OpenError, OpenMode, Options};
use annals_engine::Engine;
use annals_testkit::embedded::EmbeddedSubject;
use annals_testkit::generator::{Generator, Shape};
use annals_testkit::subject::Subject;
use annals_testkit::trial::{Tracked, Trial, definition};

const BLOCK: usize = 4096;
const SECTOR: usize = 512;

/// Never so idle that a mark moves the last frame off the data.
const NEVER_IDLE: Duration = Duration::from_hours(1);

fn subject() -> EmbeddedSubject {
    EmbeddedSubject::with_options(|options| options.idle_mark_after = NEVER_IDLE)
}

/// A store of one table after so many appends, left as `end` leaves it.
async fn store(appends: usize, is_closed: bool) -> (EmbeddedSubject, Tracked) {
    let subject = subject();
    let engine = subject.open().await;
    let table = engine.create_table(definition("recovery", 2), Vec::new()).await.expect("a new table");
    let oracle = annals_testkit::oracle::Oracle::new(table.definition.shard_count);
    let mut tracked = Tracked { table, oracle };
    let mut generator = Generator::new(9, Shape::default());
    for _ in 0..appends {
        let events = generator.events(5);
        tracked.append(&*engine, &events).await.expect("an append");
    }
    if is_closed {
        subject.close(engine).await;
    } else {
        subject.crash(engine).await;
    }
    (subject, tracked)
}

/// All files of a store, by path.
fn contents(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("a directory of the store") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let bytes = fs::read(&path).expect("a file of the store");
                found.insert(path, bytes);
            }
        }
    }
    found
}

/// The newest journal file that holds a frame, and where its last block that is not zero begins.
fn journal_end(root: &Path) -> (PathBuf, usize) {
    let mut files: Vec<_> = contents(&root.join("journal")).into_iter().collect();
    files.retain(|(path, _)| path.extension().is_some_and(|extension| extension == "journal"));
    let (path, bytes) = files.pop().expect("a journal file");
    let last = bytes.chunks(BLOCK).rposition(|block| block.iter().any(|byte| *byte != 0)).expect("a header at least");
    (path, last * BLOCK)
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("a file of the store");
    change(&mut bytes);
    fs::write(path, bytes).expect("the file is written");
}

fn open(options: Options) -> Result<Arc<EmbeddedEngine>, OpenError> {
    EmbeddedEngine::open(options).map(Arc::new)
}

/// Checks that the store is refused with the file and the offset, and left as it is.
fn assert_refused(subject: &EmbeddedSubject, name: &str, offset: Option<u64>) {
    let before = contents(subject.path());
    let error = open(subject.options()).expect_err("a damaged store does not open");
    let OpenError::Damaged(damage) = &error else { panic!("{error}") };
    assert!(damage.path.to_string_lossy().contains(name), "{name} is named: {damage}");
    if let Some(offset) = offset {
        let near = offset / BLOCK as u64 * BLOCK as u64..=offset;
        assert!(near.contains(&damage.offset), "the offset {offset} is named: {damage}");
    }
    assert!(!damage.expected.is_empty() && !damage.found.is_empty(), "expected and found are told: {damage}");
    assert!(error.to_string().contains("annals verify"), "what to do is told: {error}");
    let after = contents(subject.path());
    assert!(before == after, "nothing was written or removed");
}

#[tokio::test]
async fn a_torn_last_frame_is_cut_and_everything_acknowledged_before_is_there() {
    for sectors_lost in [1, 3, 7] {
        let (subject, mut tracked) = store(20, false).await;
        // One more append, of which the disk then loses the last sectors, as if it had never been synced.
        let engine = subject.open().await;
        let kept = tracked.clone();
        let events = Generator::new(10, Shape { payload_bytes_max: 2_000, ..Shape::default() }).events(9);
        tracked.append(&*engine, &events).await.expect("an append");
        subject.crash(engine).await;
        let (path, end) = journal_end(subject.path());
        change(&path, |bytes| {
            let block = &bytes[end..end + BLOCK];
            let used = block.chunks(SECTOR).rposition(|sector| sector.iter().any(|byte| *byte != 0)).unwrap_or(0);
            let last = end + (used + 1) * SECTOR;
            bytes[last - sectors_lost * SECTOR..last].fill(0);
        });
        let engine = subject.open().await;
        kept.check(&*engine).await;
        let mut kept = kept;
        kept.append(&*engine, &events).await.expect("the store goes on");
        subject.close(engine).await;
        let quarantine = contents(&subject.path().join("quarantine"));
        assert!(!quarantine.is_empty(), "what was cut is kept aside");
        let engine = subject.open().await;
        kept.check(&*engine).await;
        subject.close(engine).await;
    }
}

#[tokio::test]
async fn a_flipped_bit_anywhere_in_the_journal_but_its_last_frame_is_refused_and_named() {
    let (subject, _) = store(12, false).await;
    let (path, end) = journal_end(subject.path());
    let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    for offset in (BLOCK..end).step_by(1_511) {
        change(&path, |bytes| bytes[offset] ^= 1 << (offset % 8));
        assert_refused(&subject, &name, Some(offset as u64));
        change(&path, |bytes| bytes[offset] ^= 1 << (offset % 8));
    }
    let engine = subject.open().await;
    subject.close(engine).await;
}

#[tokio::test]
async fn a_flipped_bit_in_the_last_frame_is_damage_too_and_never_cut() {
    let (subject, tracked) = store(12, false).await;
    let (path, end) = journal_end(subject.path());
    let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    for offset in [end + 3, end + 100, end + SECTOR - 1] {
        change(&path, |bytes| bytes[offset] ^= 4);
        assert_refused(&subject, &name, None);
        change(&path, |bytes| bytes[offset] ^= 4);
    }
    let engine = subject.open().await;
    tracked.check(&*engine).await;
    subject.close(engine).await;
}

#[tokio::test]
async fn after_a_clean_close_a_missing_end_is_damage_and_not_a_torn_frame() {
    let (subject, _) = store(12, true).await;
    let (path, end) = journal_end(subject.path());
    let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    change(&path, |bytes| bytes[end..end + BLOCK].fill(0));
    assert_refused(&subject, &name, None);
}

#[tokio::test]
async fn a_missing_or_shortened_journal_file_is_damage() {
    let (subject, _) = store(12, true).await;
    let (path, _) = journal_end(subject.path());
    let whole = fs::read(&path).expect("the journal");
    let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    change(&path, |bytes| bytes.truncate(BLOCK + SECTOR));
    assert_refused(&subject, &name, None);
    fs::remove_file(&path).expect("removed");
    assert_refused(&subject, &name, None);
    fs::write(&path, whole).expect("put back");
    let engine = subject.open().await;
    subject.close(engine).await;
}

#[tokio::test]
async fn an_older_copy_of_the_manifest_or_of_the_journal_is_found() {
    for directory in ["manifest", "journal"] {
        let (subject, mut tracked) = store(6, true).await;
        let older = contents(&subject.path().join(directory));
        let engine = subject.open().await;
        let events = Generator::new(11, Shape::default()).events(8);
        tracked.append(&*engine, &events).await.expect("an append");
        subject.close(engine).await;
        let newer = contents(&subject.path().join(directory));
        for path in newer.keys() {
            fs::remove_file(path).expect("removed");
        }
        for (path, bytes) in &older {
            fs::write(path, bytes).expect("the older copy");
        }
        let error = open(subject.options()).expect_err("an older copy is no store to go on with");
        assert!(matches!(error, OpenError::Damaged(_)), "{directory}: {error}");
    }
}

#[tokio::test]
async fn an_older_copy_of_the_newest_journal_file_is_found_after_a_crash_too_once_memory_was_flushed() {
    let (subject, mut tracked) = store(3, true).await;
    let engine = subject.open().await;
    let mut generator = Generator::new(12, Shape::default());
    tracked.append(&*engine, &generator.events(5)).await.expect("an append");
    let (path, _) = journal_end(subject.path());
    let older = fs::read(&path).expect("the journal");
    tracked.append(&*engine, &generator.events(5)).await.expect("an append");
    engine.settle().await.expect("memory is flushed");
    subject.crash(engine).await;
    let newer = fs::read(&path).expect("the journal");
    fs::write(&path, older).expect("the older copy");
    let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    assert_refused(&subject, &name, None);
    fs::write(&path, newer).expect("put back");
    let engine = subject.open().await;
    tracked.check(&*engine).await;
    subject.close(engine).await;
}

#[tokio::test]
async fn a_store_can_be_read_only_opened_beside_its_owner_and_takes_no_appends() {
    let (subject, tracked) = store(8, true).await;
    let before = contents(subject.path());
    let options = || Options { mode: OpenMode::ReadOnly, ..subject.options() };
    let (one, two) = (open(options()).expect("opens"), open(options()).expect("opens twice"));
    tracked.check(&*one).await;
    tracked.check(&*two).await;
    let append = tracked.append_of(&*one, &Generator::new(1, Shape::default()).events(1));
    assert!(one.append(append).await.is_err(), "opened for reading only");
    drop((one, two));
    assert!(contents(subject.path()) == before, "reading writes nothing");
}

#[tokio::test]
async fn a_store_in_use_is_not_opened_again() {
    let (subject, _) = store(1, true).await;
    let engine = subject.open().await;
    assert!(matches!(open(subject.options()), Err(OpenError::InUse)));
    subject.close(engine).await;
    let engine = subject.open().await;
    subject.close(engine).await;
}

#[tokio::test]
async fn a_deleted_directory_is_rebuilt_and_tells_the_same() {
    let mut trial = Trial::start(subject()).await;
    let mut tracked = trial.create(definition("rebuilt", 2)).await;
    for _ in 0..4 {
        let events = Generator::new(12, Shape::default()).events(60);
        tracked.append(&**trial.engine(), &events).await.expect("an append");
        trial.settle().await;
    }
    tracked.check_statistics(&**trial.engine()).await;
    let directory = trial.subject().path().join("directory");
    trial
        .reopen_after(|| {
            fs::remove_dir_all(&directory).expect("there is a directory to remove");
        })
        .await;
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

/// Changes the files of a directory of partitions in one way.
fn damage_directory(directory: &Path, nth: usize) {
    for (path, bytes) in contents(directory).into_iter().filter(|(_, bytes)| !bytes.is_empty()) {
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
        match nth {
            0 => fs::remove_file(&path).expect("removed"),
            1 => change(&path, |bytes| bytes.truncate(used / 2)),
            2 => change(&path, |bytes| bytes.fill(0xa5)),
            3 => change(&path, |bytes| bytes[..used].fill(0)),
            // One bit, further on each time.
            nth => change(&path, |bytes| bytes[used * (nth - 4) / (DIRECTORY_DAMAGES - 4)] ^= 1 << (nth % 8)),
        }
    }
}

const DIRECTORY_DAMAGES: usize = 28;

#[tokio::test]
async fn a_damaged_directory_is_rebuilt_and_tells_the_same() {
    let mut trial = Trial::start(subject()).await;
    let mut tracked = trial.create(definition("damaged", 2)).await;
    let mut generator = Generator::new(13, Shape::default());
    for nth in 0..DIRECTORY_DAMAGES {
        let events = generator.events(30);
        tracked.append(&**trial.engine(), &events).await.expect("an append");
        trial.settle().await;
        let directory = trial.subject().path().join("directory");
        trial.reopen_after(|| damage_directory(&directory, nth)).await;
        tracked.check_statistics(&**trial.engine()).await;
        trial.settle().await;
        tracked.check_statistics(&**trial.engine()).await;
    }
    trial.check_everywhere(&tracked).await;
    trial.finish().await;
}

/// The files below a directory as they are right now; nothing if one of them is just being renamed or removed.
fn image(root: &Path) -> Option<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).ok()? {
            let path = entry.ok()?.path();
            if path.is_dir() {
                directories.push(path);
            } else {
                found.insert(path.clone(), fs::read(&path).ok()?);
            }
        }
    }
    Some(found)
}

/// What is on the disk while the directory is brought up to date is what a kill at that moment leaves.
#[tokio::test]
async fn a_directory_that_a_crash_left_in_the_middle_of_a_round_is_brought_up_to_date() {
    let mut trial = Trial::start(subject()).await;
    let mut tracked = trial.create(definition("halfway", 2)).await;
    let mut generator = Generator::new(14, Shape { partitions: 3_000, payload_bytes_max: 20, ..Shape::default() });
    let directory = trial.subject().path().join("directory");
    let mut images: Vec<BTreeMap<PathBuf, Vec<u8>>> = Vec::new();
    for _ in 0..3 {
        tracked.append(&**trial.engine(), &generator.events(2_000)).await.expect("an append");
        let engine = Arc::clone(trial.engine());
        let mut settled = tokio::spawn(async move { engine.settle().await });
        loop {
            tokio::select! {
                biased;
                result = &mut settled => break result.expect("no panic").expect("settled"),
                () = tokio::task::yield_now() => {}
            }
            let is_new = |image: &BTreeMap<_, _>| images.last() != Some(image);
            images.extend(image(&directory).filter(is_new));
        }
    }
    assert!(images.len() > 5, "the directory was seen in {} states", images.len());
    for image in images.iter().step_by(images.len().div_ceil(20)) {
        let put_back = || {
            fs::remove_dir_all(&directory).expect("removed");
            for (path, bytes) in image {
                fs::create_dir_all(path.parent().expect("a directory")).expect("made");
                fs::write(path, bytes).expect("written");
            }
        };
        trial.reopen_after(put_back).await;
        tracked.check_statistics(&**trial.engine()).await;
        trial.settle().await;
        tracked.check_statistics(&**trial.engine()).await;
    }
    trial.finish().await;
}
