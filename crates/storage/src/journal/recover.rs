//! Reading the journal when a store is opened.
//!
//! Reads every frame from the first file that is still needed, hands each record on in order, and tells how the journal
//! ends. Nothing is written while reading; what must be put right before the journal goes on is listed in
//! [`Recovered`] and done by the writer. The cases are in `FORMAT.md`.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annals_model::CommitTime;

use super::record::{JournalRecord, Mark, read_records};
use crate::damage::{Damage, DamageCase, ReadFailure};
use crate::disk::Disk;
use crate::framed::{
    BLOCK, Chain, Ending, FileHeader, FrameInfo, FramedFile, Frames, HeaderState, Kind, Next, Position, Salts,
    TornTail, body_offset, keep_aside, remove_if_there, write_back,
};
use crate::identity::StoreIdentity;
use crate::layout::{self, FileNumber};

/// What the manifest knows of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoverFrom {
    /// The oldest file whose records are not all in segments and in the state's snapshot.
    pub first_needed: FileNumber,
    /// The newest file that may hold frames; none if no file ever did.
    pub started: Option<FileNumber>,
    /// Ends of frames that were durable once: a journal without them is an older copy, or was damaged.
    pub must_hold: Vec<Position>,
}

/// What was found, and what is to be done before the journal goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The files that were read, in order.
    pub files: Vec<FileNumber>,
    /// Where the newest file ends; the next one's header names it. None if there was no file.
    pub end: Option<Position>,
    /// The last frame of the newest file, by its bytes; its header if it has none. It may be in memory only.
    pub newest: Range<u64>,
    /// Whether the newest file is whole and holds nothing but its header: the journal goes on in it. Then a process that
    /// dies as soon as it has started leaves no file behind for each time.
    pub is_unused: bool,
    /// Whether the manifest names the newest file.
    pub is_named: bool,
    /// The number of the next file.
    pub next_file: FileNumber,
    /// The end of the newest frame, or of the file before those that were read.
    pub last_frame: Option<Position>,
    /// The mark that the newest frame is, if it is one.
    pub last_mark: Option<Mark>,
    /// The newest commit time of these frames; none if there were none.
    pub newest_commit: Option<CommitTime>,
    /// How many frames were read.
    pub frames: u64,
    /// A frame that was being written when the power went. Its bytes go into quarantine.
    pub torn: Option<TornTail>,
    /// The newest file, if it never got its whole header. It is removed.
    pub unborn: Option<FileNumber>,
    /// Older files that are no longer needed. They are released.
    pub released: Vec<FileNumber>,
    /// Names that the store did not give. They are left alone.
    pub unknown: Vec<PathBuf>,
}

/// Reads the journal and hands each record to `visit`, with the frame that it stands in.
///
/// # Errors
/// When a file is damaged or cannot be read; a record that `visit` refuses is damage, and what it says is what was
/// found.
pub fn recover(
    disk: &dyn Disk,
    identity: &StoreIdentity,
    from: RecoverFrom,
    mut visit: impl FnMut(&FrameInfo, JournalRecord) -> Result<(), String>,
) -> Result<Recovered, ReadFailure> {
    let mut found = Recovered::empty();
    let salts = Salts::new(identity, Kind::Journal);
    let mut reading = Reading { disk, identity, from, salts, visit: &mut visit };
    match reading.read_headers(&mut found)? {
        (files, None) => reading.read_files(files, &mut found)?,
        (_, Some(damage)) => return Err(damage.into()),
    }
    Ok(found)
}

/// As [`recover`], and goes as far as the journal is sound: gives what was found before the first damage, and that
/// damage. All records before it are handed on, none behind it. What is to be done before the journal goes on means
/// nothing then: a damaged journal does not.
///
/// # Errors
/// When a file cannot be read.
pub fn recover_sound(
    disk: &dyn Disk,
    identity: &StoreIdentity,
    from: RecoverFrom,
    mut visit: impl FnMut(&FrameInfo, JournalRecord) -> Result<(), String>,
) -> Result<(Recovered, Option<Damage>), ReadFailure> {
    let mut found = Recovered::empty();
    let salts = Salts::new(identity, Kind::Journal);
    let mut reading = Reading { disk, identity, from, salts, visit: &mut visit };
    let (files, behind) = reading.read_headers(&mut found)?;
    match reading.read_files(files, &mut found) {
        Ok(()) => Ok((found, behind)),
        Err(ReadFailure::Damaged(damage)) => Ok((found, Some(damage))),
        Err(failure) => Err(failure),
    }
}

impl Recovered {
    /// A journal that holds nothing.
    fn empty() -> Self {
        Self {
            files: Vec::new(),
            end: None,
            newest: 0..0,
            is_unused: false,
            is_named: false,
            next_file: FileNumber::FIRST,
            last_frame: None,
            last_mark: None,
            newest_commit: None,
            frames: 0,
            torn: None,
            unborn: None,
            released: Vec::new(),
            unknown: Vec::new(),
        }
    }

    /// Does what must be done before a next file names the end: the newest frame is written once more and synced,
    /// since what was read may so far be in memory only; torn bytes are copied into quarantine; a file that was never begun goes.
    pub(super) fn settle(&self, disk: &dyn Disk) -> io::Result<()> {
        if let Some(end) = self.end {
            write_back(disk, &layout::journal_file(end.file), self.newest.clone())?;
        }
        if let Some(torn) = &self.torn {
            keep_aside(disk, torn)?;
        }
        if let Some(number) = self.unborn {
            remove_if_there(disk, &layout::journal_file(number))?;
            disk.sync_directory(Path::new(layout::JOURNAL))?;
        }
        Ok(())
    }
}

struct Reading<'a> {
    disk: &'a dyn Disk,
    identity: &'a StoreIdentity,
    from: RecoverFrom,
    salts: Salts,
    visit: &'a mut dyn FnMut(&FrameInfo, JournalRecord) -> Result<(), String>,
}

/// Files with their headers, and the chain's values after these.
type Files = BTreeMap<FileNumber, (FramedFile, FileHeader, Chain)>;

impl Reading<'_> {
    /// Reads the frames of files that follow each other, in order.
    fn read_files(&mut self, mut files: Files, found: &mut Recovered) -> Result<(), ReadFailure> {
        found.files = files.keys().copied().collect();
        found.next_file = found.files.last().map_or(self.from.first_needed, |last| last.next());
        let mut named_ends = files.values().skip(1).map(|(_, header, _)| header.predecessor).collect::<Vec<_>>();
        named_ends.push(None);
        found.last_frame = files.values().next().and_then(|(_, header, _)| header.predecessor);
        self.forget_held_before(found.last_frame);
        while let Some((number, (file, header, chain))) = files.pop_first() {
            let named_end = named_ends.remove(0);
            let mut frames = Frames::new(file, &header, chain);
            self.note_held(frames.end());
            let ending = self.read_file(&mut frames, named_end, found)?;
            self.check_held(&frames)?;
            (found.end, found.newest) = (Some(frames.end()), frames.newest());
            found.is_unused = ending == Ending::Clean && frames.end().offset == BLOCK;
            found.is_named = self.from.started.is_some_and(|started| number <= started);
            if let Ending::Torn(torn) = ending {
                self.check_started(number, frames.file(), torn.offset)?;
                found.torn = Some(torn);
            }
        }
        Ok(())
    }

    /// The numbers of the files that are needed.
    fn list(&self, found: &mut Recovered) -> Result<Vec<FileNumber>, ReadFailure> {
        let directory = Path::new(layout::JOURNAL);
        let names = self.disk.list(directory).map_err(|error| ReadFailure::io(directory, error))?;
        let mut numbers = Vec::new();
        for name in names {
            match layout::file_number_in_name(&name, "journal") {
                Some(number) if number < self.from.first_needed => found.released.push(number),
                Some(number) => numbers.push(number),
                None => {
                    let is_spare = layout::number_in_name(&name, "spare").is_some();
                    if !is_spare && name != Path::new(layout::SPARE_UNFINISHED) {
                        found.unknown.push(directory.join(name));
                    }
                }
            }
        }
        found.released.sort_unstable();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Reads the headers of the files from the first that is needed to the newest that was begun, which are numbered
    /// without gap. Gives those before the first that is missing or whose header is damaged, and that damage.
    fn read_headers(&self, found: &mut Recovered) -> Result<(Files, Option<Damage>), ReadFailure> {
        let numbers = self.list(found)?;
        let mut files = Files::new();
        let mut expected = self.from.first_needed;
        for &number in &numbers {
            if number != expected {
                return Ok((files, Some(missing(expected))));
            }
            match self.read_header(number, numbers.last() == Some(&number)) {
                Ok(Some(file)) => {
                    files.insert(number, file);
                    expected = number.next();
                }
                Ok(None) => found.unborn = Some(number),
                Err(ReadFailure::Damaged(damage)) => return Ok((files, Some(damage))),
                Err(failure) => return Err(failure),
            }
        }
        let is_missing = self.from.started.is_some_and(|started| started >= expected);
        Ok((files, is_missing.then(|| missing(expected))))
    }

    /// Reads a file's header; none in the newest file, if the manifest does not name it.
    fn read_header(
        &self,
        number: FileNumber,
        is_newest: bool,
    ) -> Result<Option<(FramedFile, FileHeader, Chain)>, ReadFailure> {
        let path = layout::journal_file(number);
        let mut file = FramedFile::open(self.disk, path, number, self.identity, &self.salts)?;
        match file.header()? {
            HeaderState::Valid(header, chain) => Ok(Some((file, header, chain))),
            _ if is_newest && self.from.started.is_none_or(|started| number > started) => Ok(None),
            state => {
                let found = if state == HeaderState::Torn { "parts of one" } else { "none" };
                Err(file.damage(DamageCase::HeaderDamaged, 0, "a file header", found).into())
            }
        }
    }

    /// Reads a file's frames up to the end that the next file names, or as far as they go.
    fn read_file(
        &mut self,
        frames: &mut Frames,
        named_end: Option<Position>,
        found: &mut Recovered,
    ) -> Result<Ending, ReadFailure> {
        loop {
            if let Some(named) = named_end
                && frames.end().offset >= named.offset
            {
                if frames.end() == named {
                    return Ok(Ending::Clean);
                }
                let (expected, at) = (format!("the end that the next file names, {named}"), frames.end());
                return Err(frames.file().damage(DamageCase::ChainBroken, at.offset, expected, at.to_string()).into());
            }
            match (frames.next()?, named_end) {
                (Next::Frame(info), _) => {
                    self.note_held(info.place.end);
                    self.check_started(info.place.file, frames.file(), info.place.offset)?;
                    self.read_frame(frames, &info, found)?;
                }
                (Next::End(_), Some(named)) => {
                    let at = frames.end().offset;
                    let expected = format!("frames up to byte {}, which the next file names", named.offset);
                    return Err(frames.file().damage(DamageCase::FramesMissing, at, expected, "no frame").into());
                }
                (Next::End(ending), None) => return Ok(ending),
            }
        }
    }

    /// Of the places before the first file that is read, only the very end can be compared.
    fn forget_held_before(&mut self, predecessor: Option<Position>) {
        let first = self.from.first_needed;
        self.from.must_hold.retain(|held| held.file >= first || Some(held.place()) == predecessor.map(|p| p.place()));
        if let Some(predecessor) = predecessor {
            self.note_held(predecessor);
        }
    }

    fn note_held(&mut self, end: Position) {
        self.from.must_hold.retain(|held| *held != end);
    }

    /// Whether all places of a file that was read to its end, or before it, were met.
    fn check_held(&self, frames: &Frames) -> Result<(), Damage> {
        let end = frames.end();
        let Some(held) = self.from.must_hold.iter().find(|held| held.file <= end.file) else { return Ok(()) };
        let expected = format!("a frame that ends at {held}, which the manifest knows to be durable");
        let is_short = held.place() > end.place();
        let case = if is_short { DamageCase::FramesMissing } else { DamageCase::ChainBroken };
        Err(frames.file().damage(case, end.offset.min(held.offset), expected, format!("frames up to {end}")))
    }

    /// A file that the manifest does not name holds no frame: the manifest is older than the journal.
    fn check_started(&self, number: FileNumber, file: &FramedFile, offset: u64) -> Result<(), Damage> {
        if self.from.started.is_some_and(|started| number <= started) {
            return Ok(());
        }
        let expected = "no frame, since the manifest does not name this file";
        Err(file.damage(DamageCase::OlderCopy, offset, expected, "a frame; the manifest is an older copy"))
    }

    fn read_frame(&mut self, frames: &Frames, info: &FrameInfo, found: &mut Recovered) -> Result<(), ReadFailure> {
        found.frames += 1;
        found.last_frame = Some(info.place.end);
        found.last_mark = None;
        found.newest_commit = found.newest_commit.max(Some(info.commit_time));
        let read = read_records(frames.body(), info.records, |record| {
            found.last_mark = if let JournalRecord::Mark(mark) = record { Some(mark) } else { None };
            (self.visit)(info, record)
        });
        read.map_err(|(at, reason)| {
            let offset = info.place.offset + body_offset(at);
            frames.file().damage(DamageCase::ContentWrong, offset, "a journal record", reason).into()
        })
    }
}

fn missing(number: FileNumber) -> Damage {
    let path = layout::journal_file(number);
    Damage::of_case(DamageCase::FileMissing, path, 0, "a journal file that is still needed", "no file")
}
