//! The directory against what it promises, on a real sled.

use annals_model::{CommitTime, EventTime};

use super::*;

const STORE: [u8; 16] = [1; 16];
const CACHE_BYTES: u64 = 1024 * 1024;
const TABLE: TableId = TableId::from_bytes([2; 16]);

fn open(path: &Path) -> Directory {
    Directory::open(path, STORE, CACHE_BYTES).expect("opens")
}

fn entry(event_count: u64, min: i64, max: i64, last: u64) -> PartitionEntry {
    PartitionEntry {
        event_count,
        min_time: EventTime::from_unix_nanos(min),
        max_time: EventTime::from_unix_nanos(max),
        last_sequence: Sequence::new(last),
    }
}

fn add(event_count: u64, last: u64, after: u64) -> Change {
    Change::Add { entry: entry(event_count, 0, 9, last), after: Sequence::new(after) }
}

#[test]
fn partitions_are_listed_in_the_order_of_their_keys_page_by_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = open(folder.path());
    let keys: Vec<Vec<u8>> = (0..50_u8).map(|n| vec![b'k', n % 7, n]).collect();
    let changes: Vec<_> = keys.iter().map(|key| (&key[..], add(1, 5, 0))).collect();
    directory.apply(TABLE, Shard::ZERO, &changes).expect("applies");
    let mut expected = keys.clone();
    expected.sort();
    let mut listed: Vec<Vec<u8>> = Vec::new();
    loop {
        let page = directory.list(TABLE, b"k", listed.last().map(|key| &key[..]), 7).expect("lists");
        if page.is_empty() {
            break;
        }
        listed.extend(page.into_iter().map(|entry| entry.key));
    }
    assert_eq!(listed, expected);
    let with_prefix = directory.list(TABLE, b"k\x03", None, 99).expect("lists");
    assert!(with_prefix.iter().all(|entry| entry.key.starts_with(b"k\x03")) && with_prefix.len() == 7);
    assert_eq!(directory.partition_count(TABLE).expect("counts"), 50);
}

#[test]
fn what_is_applied_twice_counts_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = open(folder.path());
    for _ in 0..2 {
        directory.apply(TABLE, Shard::ZERO, &[(b"k", add(3, 7, 0))]).expect("applies");
    }
    for _ in 0..2 {
        directory.apply(TABLE, Shard::ZERO, &[(b"k", add(2, 11, 8)), (b"new", add(1, 9, 8))]).expect("applies");
    }
    assert_eq!(directory.partition(TABLE, b"k").expect("reads"), [(Shard::ZERO, entry(5, 0, 9, 11))]);
    assert_eq!(directory.partition_count(TABLE).expect("counts"), 2);
}

#[test]
fn a_partition_of_several_shards_counts_once_and_until_its_last_part_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = open(folder.path());
    let (first, second) = (Shard::new(0), Shard::new(1));
    directory.apply(TABLE, first, &[(b"k", add(1, 1, 0))]).expect("applies");
    directory.apply(TABLE, second, &[(b"k", add(1, 1, 0))]).expect("applies");
    assert_eq!(directory.partition_count(TABLE).expect("counts"), 1);
    directory.apply(TABLE, first, &[(b"k", Change::Remove)]).expect("applies");
    assert_eq!(directory.partition_count(TABLE).expect("counts"), 1);
    directory.apply(TABLE, second, &[(b"k", Change::Set(entry(4, -1, 3, 9)))]).expect("applies");
    assert_eq!(directory.partition(TABLE, b"k").expect("reads"), [(second, entry(4, -1, 3, 9))]);
    directory.apply(TABLE, second, &[(b"k", Change::Remove)]).expect("applies");
    assert_eq!(directory.partition_count(TABLE).expect("counts"), 0);
}

#[test]
fn it_is_as_it_was_after_opening_it_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let covered = Covered {
        first: Sequence::new(3),
        last: Sequence::new(90),
        target: Sequence::new(120),
        last_commit: CommitTime::from_unix_nanos(-7),
        edit: 11,
    };
    {
        let directory = open(folder.path());
        directory.apply(TABLE, Shard::ZERO, &[(b"k", add(3, 7, 0))]).expect("applies");
        directory.sync().expect("syncs");
        directory.set_covered(TABLE, Shard::ZERO, &covered).expect("notes");
        directory.sync().expect("syncs");
    }
    let directory = open(folder.path());
    assert_eq!(directory.covered(TABLE, Shard::ZERO).expect("reads"), Some(covered));
    assert_eq!(directory.covered(TABLE, Shard::new(1)).expect("reads"), None);
    assert_eq!(directory.tables().expect("reads"), [TABLE]);
    assert_eq!(directory.partition(TABLE, b"k").expect("reads").len(), 1);
}

#[test]
fn a_dropped_table_goes_in_steps_and_leaves_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = open(folder.path());
    let other = TableId::from_bytes([3; 16]);
    for table in [TABLE, other] {
        let keys: Vec<[u8; 1]> = (0..10).map(|n| [n]).collect();
        let changes: Vec<_> = keys.iter().map(|key| (&key[..], add(1, 1, 0))).collect();
        directory.apply(table, Shard::ZERO, &changes).expect("applies");
    }
    let mut steps = 1;
    while !directory.remove_table(TABLE, 4).expect("removes") {
        steps += 1;
    }
    assert_eq!(steps, 3);
    assert_eq!(directory.tables().expect("reads"), [other]);
    assert_eq!(directory.list(TABLE, b"", None, 99).expect("lists"), []);
    assert_eq!(directory.list(other, b"", None, 99).expect("lists").len(), 10);
}

#[test]
fn a_directory_of_another_store_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(open(folder.path()));
    assert!(matches!(Directory::open(folder.path(), [9; 16], CACHE_BYTES), Err(DirectoryError::Foreign { .. })));
}

#[test]
fn files_that_sled_cannot_read_are_an_error_and_can_be_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("directory");
    fs::create_dir(&path).expect("a folder");
    fs::write(path.join("conf"), b"not sled's").expect("writes");
    fs::write(path.join("db"), vec![0x5a; 100_000]).expect("writes");
    Directory::open(&path, STORE, CACHE_BYTES).expect_err("not a directory");
    Directory::remove(&path).expect("removes");
    drop(open(&path));
    Directory::remove(&path).expect("removes");
    Directory::remove(&path).expect("nothing there to remove");
}
