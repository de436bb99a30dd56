//! What every disk keeps: one suite for the real one and the one in memory.

use std::io::ErrorKind;
use std::path::Path;

use annals_storage::disk::Disk;

/// Runs the suite on an empty disk.
///
/// # Panics
/// When the disk does not keep the contract.
pub fn keeps_the_contract(disk: &dyn Disk) {
    names_are_made_renamed_listed_and_removed(disk);
    bytes_are_read_where_they_were_written(disk);
    a_lock_is_held_once(disk);
}

fn names_are_made_renamed_listed_and_removed(disk: &dyn Disk) {
    let (directory, one, two) = (Path::new("names"), Path::new("names/one"), Path::new("names/two"));
    assert_eq!(disk.list(directory).expect_err("no directory").kind(), ErrorKind::NotFound);
    assert_eq!(disk.create(one).expect_err("no directory").kind(), ErrorKind::NotFound);
    disk.create_directory(directory).expect("made");
    disk.create_directory(directory).expect("it may be there");
    disk.create(one).expect("made").write_at(b"1", 0).expect("written");
    assert_eq!(disk.create(one).expect_err("it is there").kind(), ErrorKind::AlreadyExists);
    disk.create(two).expect("made").write_at(b"two", 0).expect("written");
    disk.rename(one, two).expect("renamed over another");
    disk.sync_directory(directory).expect("synced");
    assert_eq!(disk.list(directory).expect("listed"), [Path::new("two")]);
    assert_eq!(disk.open(two).expect("opened").length().expect("a length"), 1);
    assert_eq!(disk.open(one).expect_err("renamed").kind(), ErrorKind::NotFound);
    assert_eq!(disk.rename(one, two).expect_err("renamed").kind(), ErrorKind::NotFound);
    disk.remove(two).expect("removed");
    assert_eq!(disk.remove(two).expect_err("removed").kind(), ErrorKind::NotFound);
    assert!(disk.list(directory).expect("listed").is_empty());
}

fn bytes_are_read_where_they_were_written(disk: &dyn Disk) {
    let path = Path::new("bytes");
    let file = disk.create(path).expect("made");
    file.write_at(b"later", 1_000).expect("written");
    file.write_at(b"first", 0).expect("written");
    file.sync().expect("synced");
    let again = disk.open_writable(path).expect("opened");
    assert_eq!(again.length().expect("a length"), 1_005);
    let mut buffer = [1; 8];
    again.read_at(&mut buffer, 0).expect("read");
    assert_eq!(&buffer, b"first\0\0\0");
    assert_eq!(again.read_at(&mut buffer, 1_000).expect_err("past the end").kind(), ErrorKind::UnexpectedEof);
    again.write_at(b"FIRST", 0).expect("written");
    file.read_at(&mut buffer, 0).expect("read");
    assert_eq!(&buffer, b"FIRST\0\0\0", "a write is seen by every handle");
}

fn a_lock_is_held_once(disk: &dyn Disk) {
    let path = Path::new("LOCK");
    let lock = disk.lock(path).expect("free");
    assert_eq!(disk.lock(path).expect_err("held").kind(), ErrorKind::WouldBlock);
    assert_eq!(disk.lock_shared(path).expect_err("held").kind(), ErrorKind::WouldBlock);
    drop(lock);
    let (one, two) = (disk.lock_shared(path).expect("free"), disk.lock_shared(path).expect("shared"));
    assert_eq!(disk.lock(path).expect_err("shared").kind(), ErrorKind::WouldBlock);
    drop(one);
    assert_eq!(disk.lock(path).expect_err("still shared").kind(), ErrorKind::WouldBlock);
    drop(two);
    disk.lock(path).expect("free again");
}
