//! A file of the disk in memory: reads, writes and syncs, each of which fails when its time has come.

use std::io;

use annals_storage::disk::File;

use super::fault::Operation;
use super::memory::{Failing, MemoryDisk};
use super::state::Change;

/// A handle on a file by its id, whatever its name is by now.
#[derive(Debug)]
pub(super) struct MemoryFile {
    disk: MemoryDisk,
    id: u64,
}

impl MemoryFile {
    pub(super) fn new(disk: MemoryDisk, id: u64) -> Self {
        Self { disk, id }
    }
}

impl File for MemoryFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let (inner, failing) = self.disk.counted(Operation::Read);
        let read = match failing {
            None => buffer.len(),
            Some(Failing::Short) => buffer.len() / 2,
            Some(failing) => return Err(failing.error()),
        };
        let seen = inner.state.content(self.id).map_or(&[][..], |content| content.seen());
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start.checked_add(buffer.len());
        let part = end.and_then(|end| seen.get(start..end)).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer[..read].copy_from_slice(&part[..read]);
        failing.map_or(Ok(()), |failing| Err(failing.error()))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let (mut inner, failing) = self.disk.counted(Operation::Write);
        match failing {
            None => {}
            Some(failing) => {
                match failing {
                    Failing::Short => inner.write(self.id, start, &bytes[..bytes.len() / 2]),
                    // Of the write during which the power goes any sector may be kept.
                    Failing::PowerOff { is_going: true } => inner.write(self.id, start, bytes),
                    Failing::Error(_) | Failing::PowerOff { is_going: false } => {}
                }
                return Err(failing.error());
            }
        }
        let length = inner.state.content(self.id).ok_or(io::ErrorKind::NotFound)?.seen().len();
        let growth = (start + bytes.len()).saturating_sub(length) as u64;
        match inner.capacity {
            // What there is space for is written, as a real disk does.
            Some(capacity) if growth > 0 && inner.state.used() + growth > capacity => {
                let over = usize::try_from(inner.state.used() + growth - capacity).map_err(io::Error::other)?;
                inner.write(self.id, start, &bytes[..bytes.len().saturating_sub(over)]);
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => {
                inner.write(self.id, start, bytes);
                Ok(())
            }
        }
    }

    fn length(&self) -> io::Result<u64> {
        let inner = self.disk.call(Operation::Length)?;
        Ok(inner.state.content(self.id).map_or(0, |content| content.seen().len() as u64))
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.syncs.pass();
        let (mut inner, failing) = self.disk.counted(Operation::Sync);
        inner.state.content(self.id).ok_or(io::ErrorKind::NotFound)?;
        match failing {
            None => {
                inner.change(Change::Synced { id: self.id });
                Ok(())
            }
            // With the power off, what was not synced is still for the cut to decide.
            Some(failing @ Failing::PowerOff { .. }) => Err(failing.error()),
            Some(failing) => {
                inner.change(Change::SyncFailed { id: self.id });
                Err(failing.error())
            }
        }
    }
}
