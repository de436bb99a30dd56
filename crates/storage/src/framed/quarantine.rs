//! Keeping aside what is cut: the bytes of a torn frame, for whoever wants to know what was lost.

use std::io;
use std::path::Path;

use super::preallocate::remove_if_there;
use super::reader::TornTail;
use crate::disk::Disk;
use crate::layout;

/// Copies the bytes of a torn frame into quarantine, durably, under a name that says whence they are. The bytes in the
/// file stay: the next file names the end before them.
pub(crate) fn keep_aside(disk: &dyn Disk, torn: &TornTail) -> io::Result<()> {
    let directory = Path::new(layout::QUARANTINE);
    let name = torn.path.file_name().unwrap_or_default().to_string_lossy();
    let path = directory.join(format!("{name}.{}.torn", torn.offset));
    let source = disk.open(&torn.path)?;
    let length = torn.length.min(source.length()?.saturating_sub(torn.offset));
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    source.read_at(&mut bytes, torn.offset)?;
    remove_if_there(disk, &path)?;
    let copy = disk.create(&path)?;
    copy.write_at(&bytes, 0)?;
    copy.sync()?;
    disk.sync_directory(directory)
}
