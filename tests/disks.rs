//! The real disk and the one in memory keep one contract, and the one in memory loses what its fault model says.

use std::path::Path;

use annals_storage::disk::{Disk, RealDisk};
use annals_testkit::disk::{Failure, Fault, MemoryDisk, Operation, Unsynced, keeps_the_contract};

#[test]
fn the_real_disk_keeps_the_contract() {
    let directory = tempfile::tempdir().expect("a directory");
    keeps_the_contract(&RealDisk::new(directory.path()));
}

#[test]
fn the_disk_in_memory_keeps_the_contract() {
    keeps_the_contract(&MemoryDisk::new());
}

#[test]
fn a_power_cut_loses_sectors_and_names_that_were_not_synced() {
    let disk = MemoryDisk::new();
    let (kept, lost) = (Path::new("kept"), Path::new("lost"));
    let file = disk.create(kept).expect("made");
    file.write_at(&[1; 1536], 0).expect("written");
    file.sync().expect("synced");
    disk.sync_directory(Path::new("")).expect("synced");
    file.write_at(&[2; 1536], 512).expect("written");
    disk.create(lost).expect("made");
    disk.power_cut(|unsynced| matches!(unsynced, Unsynced::Sector { sector: 2, .. }));
    let bytes = disk.bytes(kept);
    assert_eq!((bytes.len(), bytes[511], bytes[512], bytes[1024], bytes[1535]), (1536, 1, 1, 2, 2));
    assert!(disk.open(lost).is_err());
}

#[test]
fn what_a_failed_sync_dropped_is_seen_and_is_lost_with_the_power() {
    let disk = MemoryDisk::new();
    let path = Path::new("file");
    let file = disk.create(path).expect("made");
    file.write_at(&[1; 512], 0).expect("written");
    file.sync().expect("synced");
    disk.sync_directory(Path::new("")).expect("synced");
    disk.set_fault(Some(Fault::Nth { operation: Operation::Sync, nth: 0, failure: Failure::Io }));
    file.write_at(&[2; 512], 0).expect("written");
    file.sync().expect_err("it was to fail");
    file.sync().expect("later ones succeed");
    assert_eq!(disk.bytes(path)[0], 2);
    disk.power_cut(|_| true);
    assert_eq!(disk.bytes(path)[0], 1);
}

#[test]
fn a_full_disk_lets_no_file_grow_and_takes_bytes_over_others() {
    let disk = MemoryDisk::new();
    let file = disk.create(Path::new("file")).expect("made");
    file.write_at(&[1; 100], 0).expect("written");
    disk.set_capacity(Some(150));
    file.write_at(&[2; 100], 0).expect("no growth");
    assert_eq!(file.write_at(&[3; 100], 100).expect_err("full").kind(), std::io::ErrorKind::StorageFull);
    disk.set_capacity(None);
    file.write_at(&[3; 100], 100).expect("there is space again");
}
