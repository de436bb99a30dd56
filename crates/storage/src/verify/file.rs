//! Checking one framed file by itself: every sector of it, then its frames and what they say.

use std::path::PathBuf;

use crate::damage::{Damage, DamageCase, ReadFailure};
use crate::disk::Disk;
use crate::framed::{BLOCK, FramedFile, Frames, HeaderState, Kind, Next, Salts, SectorState, body_offset, sectors};
use crate::identity::StoreIdentity;
use crate::layout::FileNumber;
use crate::{journal, manifest};

/// Checks a file that has a number.
pub(super) fn check_file(
    disk: &dyn Disk,
    identity: &StoreIdentity,
    kind: Kind,
    number: FileNumber,
    path: PathBuf,
) -> Result<Vec<Damage>, ReadFailure> {
    let salts = Salts::new(identity, kind);
    let mut file = FramedFile::open(disk, path, number, identity, &salts)?;
    let mut damage = check_sectors(&mut file)?;
    let known = |damage: &[Damage], new: &Damage| damage.iter().any(|known| known.offset == new.offset);
    match check_frames(file, kind) {
        Err(ReadFailure::Damaged(new)) if !known(&damage, &new) => damage.push(new),
        Err(ReadFailure::Damaged(_)) | Ok(()) => {}
        Err(failure) => return Err(failure),
    }
    Ok(damage)
}

/// Checks a spare file: all of it must be zero, or of lives that the file had before.
pub(super) fn check_spare(
    disk: &dyn Disk,
    identity: &StoreIdentity,
    kind: Kind,
    path: PathBuf,
) -> Result<Vec<Damage>, ReadFailure> {
    // Seen from the last of all numbers, whatever was written once is of an older life.
    let number = FileNumber::LAST;
    let mut file = FramedFile::open(disk, path, number, identity, &Salts::new(identity, kind))?;
    check_sectors(&mut file)
}

/// A finding for each stretch of sectors that do not verify.
fn check_sectors(file: &mut FramedFile) -> Result<Vec<Damage>, ReadFailure> {
    let mut damage = Vec::new();
    let length = file.length();
    if !length.is_multiple_of(BLOCK) {
        let found = format!("{length} bytes");
        damage.push(file.damage(DamageCase::FileTruncated, length, "whole blocks of 4096 bytes", found));
    }
    let mut garbage: Option<u64> = None;
    for at in sectors(0..length).map(Some).chain([None]) {
        let is_garbage = match at {
            Some(at) => file.sector(at)?.0 == SectorState::Garbage,
            None => false,
        };
        match (is_garbage, garbage) {
            (true, None) => garbage = at,
            (false, Some(from)) => {
                let end = at.unwrap_or(length);
                let expected = "a sector that was written, or one that never was";
                let found = format!("bytes that do not verify, up to byte {end}");
                damage.push(file.damage(DamageCase::GarbageSector, from, expected, found));
                garbage = None;
            }
            _ => {}
        }
    }
    Ok(damage)
}

/// Reads the frames as far as they go by themselves. What another file says of their end is not looked at here, so an
/// end that looks torn is none of this check's business.
fn check_frames(mut file: FramedFile, kind: Kind) -> Result<(), ReadFailure> {
    let HeaderState::Valid(header, chain) = file.header()? else { return Ok(()) };
    let mut frames = Frames::new(file, &header, chain);
    while let Next::Frame(info) = frames.next()? {
        let content = match kind {
            Kind::Journal => journal::check_body(frames.body(), info.records),
            Kind::Manifest => manifest::check_body(frames.body()).map_err(|reason| (0, reason)),
        };
        content.map_err(|(at, reason)| {
            let offset = info.place.offset + body_offset(at);
            frames.file().damage(DamageCase::ContentWrong, offset, "records", reason)
        })?;
    }
    Ok(())
}
