//! Every way in which the files of a whole store can be changed behind its back, one at a time: each is found, and
//! whatever is still answered is right. What is left out is told, never cut in silence.
//!
//! The store is tiny and in memory, so that every bit of every file can be tried.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use annals_embedded::{EmbeddedEngine, OpenError};
use annals_storage::disk::Disk;
use annals_storage::verify::{Verified, verify_all};
use annals_testkit::disk::MemoryDisk;
use annals_testkit::generator::{Generator, Shape};
use annals_testkit::seed::seeds;
use annals_testkit::tiny_store::{Answers, End, TinyStore, open_read_only, options};
use annals_testkit::trial::Tracked;
use tokio::runtime::Runtime;

const SECTOR: usize = 512;
const BLOCK: usize = 4096;

/// All bits and lengths take an hour, so only one part in so many is tried; of headers and trailers, which tell sectors
/// and frames apart, a bit of every byte. `ANNALS_TEST_CASES=199` tries all.
const PARTS: u64 = 199;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}

fn verified(disk: &MemoryDisk) -> Verified {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    match verify_all(&shared, &mut |_, _| {}) {
        Ok(verified) => verified,
        Err(error) => panic!("verifying ends in {error}"),
    }
}

/// What readers of a store get, opened for reading only; none if it is refused as damaged.
fn answers(runtime: &Runtime, disk: &MemoryDisk, tracked: &Tracked) -> Option<Answers> {
    match open_read_only(disk) {
        Ok(engine) => Some(runtime.block_on(Answers::of(&engine, tracked))),
        Err(OpenError::Damaged(_) | OpenError::NoStore) => None,
        Err(error) => panic!("opening ends in {error}"),
    }
}

/// What is wrong with how a change of a store's files is met; nothing if readers get no wrong answer and are told.
fn wrong_answer(runtime: &Runtime, disk: &MemoryDisk, tracked: &Tracked) -> Option<String> {
    answers(runtime, disk, tracked)?.check(tracked).err()
}

/// Asserts that a change is found by verifying, and that nobody gets a wrong answer.
fn assert_found(runtime: &Runtime, disk: &MemoryDisk, tracked: &Tracked, what: &dyn Fn() -> String) {
    assert!(!verified(disk).is_sound(), "{} is not found", what());
    if let Some(wrong) = wrong_answer(runtime, disk, tracked) {
        panic!("{}: {wrong}", what());
    }
}

/// The files of a store that hold something, with their lengths; of those that are ready to be used next only if wanted.
fn files(disk: &MemoryDisk, with_spares: bool) -> Vec<(PathBuf, usize)> {
    let is_spare = |path: &Path| path.extension().is_some_and(|extension| extension == "spare");
    disk.files().into_iter().filter(|(path, length)| *length > 0 && (with_spares || !is_spare(path))).collect()
}

/// The closed store, and what it must hold.
fn closed_store() -> TinyStore {
    let store = runtime().block_on(TinyStore::new(3, End::Closed));
    let found = verified(&store.disk);
    assert!(found.is_sound() && found.segments > 1, "{found:?}");
    store
}

fn killed_store() -> TinyStore {
    runtime().block_on(TinyStore::new(3, End::Killed))
}

/// Runs `try_file` for each file of a store at the same time, each on a copy of its own.
fn for_each_file(store: &TinyStore, with_spares: bool, try_file: impl Fn(&Runtime, &TinyStore, &Path, usize) + Sync) {
    thread::scope(|scope| {
        for (path, length) in files(&store.disk, with_spares) {
            let (store, try_file) = (store.copy(), &try_file);
            scope.spawn(move || try_file(&runtime(), &store, &path, length));
        }
    });
}

/// Whether a case is of a part that is tried.
fn is_tried(case: usize) -> bool {
    seeds(1).contains(&(case as u64 % PARTS))
}

/// The bits of a file that are tried.
fn bits(path: &Path, length: usize) -> impl Iterator<Item = (usize, u32)> {
    let is_framed = path.starts_with("journal") || path.starts_with("manifest");
    (0..length).flat_map(|byte| (0..8).map(move |bit| (byte, bit))).filter(move |&(byte, bit)| {
        let is_telling = byte < 2 * BLOCK && (byte % BLOCK >= BLOCK - 12 || byte % BLOCK < 44);
        let is_telling = if is_framed { is_telling } else { byte < 64 };
        is_telling && byte % 8 == bit as usize || is_tried(byte * 8 + bit as usize)
    })
}

#[test]
fn every_flipped_bit_of_a_closed_store_is_found_and_changes_no_answer() {
    let store = closed_store();
    for_each_file(&store, true, |runtime, store, path, length| {
        for (byte, bit) in bits(path, length) {
            store.disk.damage(path, |bytes| bytes[byte] ^= 1 << bit);
            assert_found(runtime, &store.disk, &store.tracked, &|| {
                format!("bit {bit} of byte {byte} of {}", path.display())
            });
            store.disk.damage(path, |bytes| bytes[byte] ^= 1 << bit);
        }
        assert!(verified(&store.disk).is_sound(), "all was put back");
    });
}

#[test]
fn a_file_of_a_closed_store_that_is_cut_short_is_found_at_each_length() {
    let store = closed_store();
    for_each_file(&store, false, |runtime, store, path, length| {
        let sound = store.disk.bytes(path);
        for left in (0..length).filter(|left| left % SECTOR < 2 || is_tried(*left)) {
            store.disk.damage(path, |bytes| bytes.truncate(left));
            assert_found(runtime, &store.disk, &store.tracked, &|| format!("{} cut to {left} bytes", path.display()));
            store.disk.damage(path, |bytes| bytes.clone_from(&sound));
        }
    });
}

#[test]
fn a_sector_of_a_closed_store_that_is_zeroed_or_swapped_is_found() {
    let store = closed_store();
    for_each_file(&store, false, |runtime, store, path, length| {
        let sound = store.disk.bytes(path);
        for sector in 0..length.div_ceil(SECTOR) {
            for (what, changed) in changed_sectors(&sound, sector) {
                if changed == sound || is_as_good(path, &sound, &changed) {
                    continue;
                }
                store.disk.damage(path, |bytes| bytes.clone_from(&changed));
                let place = || format!("sector {sector} of {} {what}", path.display());
                if path.starts_with("manifest") && !verified(&store.disk).torn.is_empty() {
                    // The last edit, half gone, is as a crash while the store was closed would have left it: told.
                    let answers = answers(runtime, &store.disk, &store.tracked).expect("opened");
                    assert_eq!(answers.check(&store.tracked), Ok(()), "{}", place());
                    assert!(answers.error().is_none(), "{}", place());
                } else {
                    assert_found(runtime, &store.disk, &store.tracked, &place);
                }
            }
        }
        store.disk.damage(path, |bytes| bytes.clone_from(&sound));
        assert!(verified(&store.disk).is_sound(), "all was put back");
    });
}

/// A file's bytes with a sector zeroed, and with it in the place of others and they in its.
fn changed_sectors(sound: &[u8], sector: usize) -> Vec<(String, Vec<u8>)> {
    let at = sector * SECTOR;
    let end = sound.len().min(at + SECTOR);
    let mut zeroed = sound.to_vec();
    zeroed[at..end].fill(0);
    let mut all = vec![("zeroed".to_owned(), zeroed)];
    for other in [sector + 1, sector + BLOCK / SECTOR] {
        let from = other * SECTOR;
        if from + SECTOR <= sound.len() {
            let mut swapped = sound.to_vec();
            (0..SECTOR).for_each(|byte| swapped.swap(at + byte, from + byte));
            all.push((format!("swapped with sector {other}"), swapped));
        }
    }
    all
}

/// Whether a framed file is as good as it was: sectors that were never written in this life of the file were zeroed.
fn is_as_good(path: &Path, sound: &[u8], changed: &[u8]) -> bool {
    let number = path.file_stem().and_then(|stem| u32::from_str_radix(stem.to_str()?, 16).ok());
    let is_framed = path.starts_with("journal") || path.starts_with("manifest");
    let is_dead = |sector: &[u8]| number.is_some_and(|number| sector[500..504] != number.to_le_bytes());
    is_framed
        && sound
            .chunks(SECTOR)
            .zip(changed.chunks(SECTOR))
            .all(|(sound, changed)| sound == changed || is_dead(sound) && changed.iter().all(|byte| *byte == 0))
}

#[test]
fn a_missing_file_of_a_closed_store_is_found_and_named() {
    let store = closed_store();
    for (path, _) in files(&store.disk, false) {
        let without = store.copy();
        without.disk.lose(&path);
        if path == Path::new("STORE") {
            assert!(matches!(open_read_only(&without.disk), Err(OpenError::NoStore)));
            assert!(
                matches!(EmbeddedEngine::open(options(&without.disk)), Err(OpenError::Io { .. })),
                "none is made over it"
            );
            continue;
        }
        assert_found(&runtime(), &without.disk, &without.tracked, &|| format!("the loss of {}", path.display()));
        let name = if path.starts_with("manifest") { "manifest".into() } else { path.to_string_lossy() };
        let found = verified(&without.disk);
        let is_named = found.findings.first().iter().any(|finding| finding.to_string().starts_with(&*name));
        assert!(is_named, "{name} is named: {found:?}");
    }
}

#[test]
fn an_older_copy_of_any_file_of_a_closed_store_is_found_or_changes_nothing() {
    let disk = MemoryDisk::new();
    let runtime = runtime();
    let copy = || -> BTreeMap<PathBuf, Vec<u8>> {
        files(&disk, false).into_iter().map(|(path, _)| (path.clone(), disk.bytes(path))).collect()
    };
    let mut copies = Vec::new();
    let tracked = runtime.block_on(async {
        let mut tracked: Option<Tracked> = None;
        let mut generator = Generator::new(4, Shape { payload_bytes_max: 40, ..Shape::default() });
        for round in 0..4 {
            let engine = EmbeddedEngine::open(options(&disk)).expect("opened");
            let mut table = match tracked.take() {
                Some(table) => table,
                None => TinyStore::new_table(&engine).await,
            };
            for _ in 0..2 {
                table.append(&engine, &generator.events(4)).await.expect("an append");
                copies.push(copy());
                if round != 3 {
                    engine.settle().await.expect("flushed");
                    copies.push(copy());
                }
            }
            engine.close().expect("closed");
            copies.push(copy());
            tracked = Some(table);
        }
        tracked.expect("four rounds")
    });
    let (mut found, mut harmless) = (0, 0);
    for copy in &copies {
        for (path, bytes) in copy.iter().filter(|(path, bytes)| !disk.holds(path) || disk.bytes(path) != **bytes) {
            let put_back = disk.copy();
            if !disk.holds(path) {
                if path.starts_with("manifest") {
                    // In the place of the newest: beside it, it is what a crash may leave.
                    let newest = files(&disk, false).into_iter().rfind(|(of, _)| of.starts_with("manifest"));
                    put_back.lose(newest.expect("a manifest").0);
                }
                put_back.create(path).expect("made");
            }
            put_back.damage(path, |present| present.clone_from(bytes));
            if let Some(wrong) = wrong_answer(&runtime, &put_back, &tracked) {
                panic!("an older copy of {}: {wrong}", path.display());
            }
            if verified(&put_back).is_sound() {
                // Beside the files that count, or as a crash between the journal's mark and the close leaves it.
                let answers = answers(&runtime, &put_back, &tracked).expect("opened");
                assert!(answers.error().is_none(), "{}: {:?}", path.display(), answers.error());
                harmless += 1;
            } else {
                found += 1;
            }
        }
    }
    assert!(found > 3 && harmless > 0, "{found} found, {harmless} harmless");
}

#[test]
fn on_a_killed_store_no_change_of_a_file_changes_an_answer_in_silence() {
    let store = killed_store();
    for_each_file(&store, false, |runtime, store, path, length| {
        let sound = store.disk.bytes(path);
        let assert_right = |what: &dyn Fn() -> String| {
            if let Some(wrong) = wrong_answer(runtime, &store.disk, &store.tracked) {
                panic!("{}: {wrong}", what());
            }
        };
        for (byte, bit) in bits(path, length) {
            store.disk.damage(path, |bytes| bytes[byte] ^= 1 << bit);
            assert_right(&|| format!("bit {bit} of byte {byte} of {}", path.display()));
            store.disk.damage(path, |bytes| bytes[byte] ^= 1 << bit);
        }
        for left in (0..length).filter(|left| left % SECTOR < 2 || is_tried(*left)) {
            store.disk.damage(path, |bytes| bytes.truncate(left));
            assert_right(&|| format!("{} cut to {left} bytes", path.display()));
            store.disk.damage(path, |bytes| bytes.clone_from(&sound));
        }
        let last = last_frame(path, &sound);
        for sector in 0..length.div_ceil(SECTOR) {
            for (what, changed) in changed_sectors(&sound, sector) {
                // What a disk that loses the last frame leaves is the next test's.
                if last.is_none_or(|last| changed[..last] != sound[..last] || what != "zeroed") {
                    store.disk.damage(path, |bytes| bytes.clone_from(&changed));
                    assert_right(&|| format!("sector {sector} of {} {what}", path.display()));
                }
            }
        }
        let without = store.copy();
        without.disk.lose(path);
        if let Some(wrong) = wrong_answer(runtime, &without.disk, &store.tracked) {
            panic!("the loss of {}: {wrong}", path.display());
        }
    });
}

/// Where the last frame of a journal file begins, if it has one.
fn last_frame(path: &Path, bytes: &[u8]) -> Option<usize> {
    let blocks = path.starts_with("journal").then_some(bytes.len() / BLOCK)?;
    (1..blocks).map(|block| block * BLOCK).rfind(|at| bytes[*at..].starts_with(b"AFrm"))
}

/// FORMAT.md: a disk that loses the newest synced frame whole goes unseen, one that loses some of its sectors looks like
/// a torn frame, and nothing else does.
#[test]
fn the_blind_spot_of_a_killed_store_is_the_last_frame_and_nothing_more() {
    let store = killed_store();
    let runtime = runtime();
    let journals: Vec<_> =
        files(&store.disk, false).into_iter().filter(|(path, _)| path.starts_with("journal")).collect();
    let with_frames = |(path, _): &(PathBuf, usize)| last_frame(path, &store.disk.bytes(path)).is_some();
    let newest = journals.iter().rfind(|file| with_frames(file)).expect("a file with frames").0.clone();
    for (path, length) in &journals {
        let sound = store.disk.bytes(path);
        for frame in (BLOCK..*length).step_by(BLOCK).filter(|at| sound[*at..].starts_with(b"AFrm")) {
            let is_last = *path == newest && Some(frame) == last_frame(path, &sound);
            for lost in 1..=u8::MAX {
                let changed = store.copy();
                changed.disk.damage(path, |bytes| {
                    let sectors = bytes[frame..frame + BLOCK].chunks_mut(SECTOR).enumerate();
                    sectors.filter(|(sector, _)| lost >> sector & 1 == 1).for_each(|(_, sector)| sector.fill(0));
                });
                let place = || format!("sectors {lost:#010b} of the frame at {frame} of {} lost", path.display());
                let answers = answers(&runtime, &changed.disk, &store.tracked).expect("opened for reading only");
                if !is_last {
                    assert!(!verified(&changed.disk).is_sound(), "{} is not found", place());
                    assert_eq!(answers.check(&store.tracked), Ok(()), "{}", place());
                    continue;
                }
                // Three events were appended last.
                assert_eq!(answers.check_events(&store.tracked), Ok(()), "{}", place());
                assert_eq!(answers.scan.0.len() as u64 + 3, store.tracked.oracle.len(), "{}", place());
                assert!(answers.error().is_none(), "{}: {:?}", place(), answers.error());
                let found = verified(&changed.disk);
                assert!(found.is_sound(), "{}: {found:?}", place());
                assert_eq!(found.torn.len(), usize::from(lost != u8::MAX), "{}", place());
            }
        }
    }
}

#[test]
fn a_mark_moves_the_blind_spot_off_the_events() {
    let store = runtime().block_on(TinyStore::new(3, End::Marked));
    let journals = files(&store.disk, false).into_iter().filter(|(path, _)| path.starts_with("journal"));
    let mut with_frames = journals.filter_map(|(path, _)| Some((last_frame(&path, &store.disk.bytes(&path))?, path)));
    let (frame, path) = with_frames.next_back().expect("a file with frames");
    store.disk.damage(&path, |bytes| bytes[frame..frame + BLOCK].fill(0));
    let answers = answers(&runtime(), &store.disk, &store.tracked).expect("opened");
    assert_eq!(answers.check(&store.tracked), Ok(()));
    assert!(answers.error().is_none(), "{:?}", answers.error());
}
