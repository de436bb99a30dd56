//! Reading the manifest when a store is opened. The cases are in `FORMAT.md`. Nothing is written here.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::messages::{FrameContent, decode};
use super::{Edit, ManifestState};
use crate::damage::{Damage, DamageCase, ReadFailure};
use crate::disk::Disk;
use crate::framed::{
    Ending, FrameInfo, FramedFile, Frames, HeaderState, Kind, Next, Position, Salts, TornTail, body_offset, keep_aside,
    remove_if_there, write_back,
};
use crate::identity::StoreIdentity;
use crate::layout::{self, FileNumber};

/// What was found, and what is to be done before the manifest goes on.
#[derive(Clone, Debug)]
pub struct RecoveredManifest {
    /// What the store consists of.
    pub state: ManifestState,
    /// Where the newest file ends; the next one's header names it.
    pub end: Position,
    /// Its last frame, by its bytes. It may be in memory only.
    pub newest: Range<u64>,
    /// An edit that was being written when the power went. Its bytes go into quarantine.
    pub torn: Option<TornTail>,
    /// A newer file that was begun and never got its snapshot. It is removed.
    pub unborn: Option<FileNumber>,
    /// Older files, which the newest has replaced. They are removed.
    pub replaced: Vec<FileNumber>,
    /// Names that the store did not give. They are left alone.
    pub unknown: Vec<PathBuf>,
}

/// Reads the manifest, and hands each edit with its number and frame to `visit`; a snapshot's are not among them.
///
/// # Errors
/// When a file is damaged or cannot be read, or there is no manifest.
pub fn recover(
    disk: &dyn Disk,
    identity: &StoreIdentity,
    mut visit: impl FnMut(&FrameInfo, u64, &Edit),
) -> Result<RecoveredManifest, ReadFailure> {
    let directory = Path::new(layout::MANIFEST);
    let (mut numbers, mut unknown) = (Vec::new(), Vec::new());
    for name in disk.list(directory).map_err(|error| ReadFailure::io(directory, error))? {
        match layout::file_number_in_name(&name, "manifest") {
            Some(number) => numbers.push(number),
            None if is_spare(&name) => {}
            None => unknown.push(directory.join(name)),
        }
    }
    numbers.sort_unstable();
    let mut unborn = None;
    while let Some(number) = numbers.pop() {
        let mut reading = match read_beginning(disk, identity, number)? {
            Some(reading) => reading,
            // Only the file that was begun last can lack its beginning, and only while the one before is there.
            None if unborn.is_none() && numbers.last().map(|before| before.next()) == Some(number) => {
                unborn = Some(number);
                continue;
            }
            None => {
                let path = layout::manifest_file(number);
                let found = "a file without it, and none before";
                return Err(
                    Damage::of_case(DamageCase::HeaderDamaged, path, 0, "a header and a snapshot", found).into()
                );
            }
        };
        let torn = reading.read_edits(&mut visit)?;
        let (end, newest) = (reading.frames.end(), reading.frames.newest());
        return Ok(RecoveredManifest { state: reading.state, end, newest, torn, unborn, replaced: numbers, unknown });
    }
    Err(Damage::of_case(DamageCase::FileMissing, directory, 0, "a file of the manifest", "none").into())
}

impl RecoveredManifest {
    /// Does what must be done before a next file names the end: see the fields.
    pub(super) fn settle(&self, disk: &dyn Disk) -> io::Result<()> {
        write_back(disk, &layout::manifest_file(self.end.file), self.newest.clone())?;
        if let Some(torn) = &self.torn {
            keep_aside(disk, torn)?;
        }
        for number in self.unborn.iter().chain(&self.replaced) {
            remove_if_there(disk, &layout::manifest_file(*number))?;
        }
        disk.sync_directory(Path::new(layout::MANIFEST))
    }
}

fn is_spare(name: &Path) -> bool {
    layout::number_in_name(name, "spare").is_some() || name == Path::new(layout::SPARE_UNFINISHED)
}

struct Reading {
    frames: Frames,
    state: ManifestState,
}

/// Reads a file's header and snapshot; none if it does not have both, as a crash can leave it.
fn read_beginning(
    disk: &dyn Disk,
    identity: &StoreIdentity,
    number: FileNumber,
) -> Result<Option<Reading>, ReadFailure> {
    let salts = Salts::new(identity, Kind::Manifest);
    let mut file = FramedFile::open(disk, layout::manifest_file(number), number, identity, &salts)?;
    let HeaderState::Valid(header, chain) = file.header()? else { return Ok(None) };
    let mut frames = Frames::new(file, &header, chain);
    let Next::Frame(info) = frames.next()? else { return Ok(None) };
    match decode(frames.body()) {
        Ok(FrameContent::Snapshot(state)) => Ok(Some(Reading { frames, state })),
        Ok(FrameContent::Edits(..)) => Err(wrong(&frames, &info, "edits").into()),
        Err(reason) => Err(wrong(&frames, &info, &reason).into()),
    }
}

fn wrong(frames: &Frames, info: &FrameInfo, found: &str) -> Damage {
    let expected = if info.place.frame == 1 { "a snapshot of the manifest" } else { "edits of the manifest" };
    frames.file().damage(DamageCase::ContentWrong, info.place.offset + body_offset(0), expected, found)
}

impl Reading {
    fn read_edits(&mut self, visit: &mut dyn FnMut(&FrameInfo, u64, &Edit)) -> Result<Option<TornTail>, ReadFailure> {
        loop {
            let info = match self.frames.next()? {
                Next::Frame(info) => info,
                Next::End(Ending::Clean) => return Ok(None),
                Next::End(Ending::Torn(torn)) => return Ok(Some(torn)),
            };
            let refuse = |reason: &str| wrong(&self.frames, &info, reason);
            match decode(self.frames.body()).map_err(|reason| refuse(&reason))? {
                FrameContent::Edits(first, edits) => {
                    if first != self.state.next_edit {
                        let expected = self.state.next_edit;
                        return Err(refuse(&format!("edits from {first} on where {expected} comes next")).into());
                    }
                    self.state.check(&edits).map_err(|reason| refuse(&reason))?;
                    (first..).zip(&edits).for_each(|(number, edit)| visit(&info, number, edit));
                    self.state.apply(&edits);
                }
                FrameContent::Snapshot(_) => return Err(refuse("a second snapshot").into()),
            }
        }
    }
}
