//! Making a store.

use std::io;
use std::path::Path;

use super::StoreOptions;
use crate::disk::Disk;
use crate::framed::remove_if_there;
use crate::identity::StoreIdentity;
use crate::layout::{self, FileNumber};
use crate::manifest::Manifest;

/// Makes a store in an empty or missing directory: its directories, its manifest and, last, its identity. A crash
/// before the end leaves no store, and does not stand in the way of making one again.
///
/// # Errors
/// `AlreadyExists` when there is a store, or files of one whose identity is lost; and whatever the operating system
/// reports.
pub fn create(disk: &dyn Disk, identity: &StoreIdentity, options: StoreOptions) -> io::Result<()> {
    disk.create_directory(Path::new(""))?;
    if disk.open(Path::new(layout::STORE)).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the directory holds a store already"));
    }
    // What an unfinished attempt left may be taken away; the files of a store that lost its identity may not.
    if !StoreIdentity::is_unfinished(disk) && holds_files(disk)? {
        let lost = "the directory holds files of a store and no STORE file; put that file back from a copy, or choose \
                    another directory";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, lost));
    }
    identity.begin(disk)?;
    for directory in layout::DIRECTORIES {
        disk.create_directory(Path::new(directory))?;
        disk.sync_directory(Path::new(directory))?;
    }
    disk.sync_directory(Path::new(""))?;
    remove_if_there(disk, &layout::manifest_file(FileNumber::FIRST))?;
    Manifest::create(disk, identity, options.manifest)?;
    StoreIdentity::finish(disk)
}

fn holds_files(disk: &dyn Disk) -> io::Result<bool> {
    for directory in layout::DIRECTORIES {
        match disk.list(Path::new(directory)) {
            Ok(names) if names.is_empty() => {}
            Ok(_) => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}
