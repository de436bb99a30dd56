//! Writing what was read once more, so that a sync makes it durable.
//!
//! After a failed sync the operating system may go on showing bytes that the disk does not hold, and take them for
//! written: later syncs succeed and do nothing. Whoever opened such a file, which a restart of the process does not
//! change, would build on what the next loss of power takes away. Bytes that are written again are to be synced again.

use std::io;
use std::ops::Range;
use std::path::Path;

use crate::disk::Disk;

/// Makes a part of a file durable that was read and verified, whether the disk holds it or not. The same bytes over
/// themselves: a write that is torn changes nothing that was durable.
pub(crate) fn write_back(disk: &dyn Disk, path: &Path, part: Range<u64>) -> io::Result<()> {
    let file = disk.open_writable(path)?;
    let length = usize::try_from(part.end - part.start).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    file.read_at(&mut bytes, part.start)?;
    file.write_at(&bytes, part.start)?;
    file.sync()
}
