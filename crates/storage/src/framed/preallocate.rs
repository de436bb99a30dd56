//! Files of zeros, written and synced before they are needed: a write into written space is several times faster than
//! one that makes a file grow, and cannot fail for want of space.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::disk::{Disk, File};
use crate::layout;

const PIECE_BYTES: usize = 1024 * 1024;

/// Makes `path` in `directory` a file of `length` zero bytes, all of it durable. A crash leaves at most an unfinished
/// file under a name of its own, which the next call overwrites.
///
/// # Errors
/// `StorageFull` when there is no space; what was written is given back.
pub(crate) fn preallocate(disk: &dyn Disk, directory: &Path, path: &Path, length: u64) -> io::Result<Arc<dyn File>> {
    let unfinished = directory.join(layout::SPARE_UNFINISHED);
    remove_if_there(disk, &unfinished)?;
    let file = disk.create(&unfinished)?;
    let written = write_zeros(&*file, length).and_then(|()| file.sync());
    if let Err(error) = written {
        remove_if_there(disk, &unfinished)?;
        return Err(error);
    }
    disk.rename(&unfinished, path)?;
    disk.sync_directory(directory)?;
    Ok(file)
}

fn write_zeros(file: &dyn File, length: u64) -> io::Result<()> {
    let zeros = vec![0; PIECE_BYTES.min(usize::try_from(length).unwrap_or(PIECE_BYTES))];
    let mut at = 0;
    while at < length {
        let piece = usize::try_from(length - at).map_or(zeros.len(), |left| left.min(zeros.len()));
        file.write_at(&zeros[..piece], at)?;
        at += piece as u64;
    }
    Ok(())
}

/// Removes a file; one that is not there is removed already.
pub(crate) fn remove_if_there(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    match disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
