//! Reading a framed file: its header, its frames, and how they end.
//!
//! The cases that this tells apart are the table in `FORMAT.md`. What a crash leaves is an [`Ending`]; all else is
//! [`Damage`], with the first byte that is wrong. Nothing is written here.

use std::ops::Range;
use std::path::PathBuf;

use annals_model::CommitTime;

use crate::damage::{Damage, DamageCase, ReadFailure};
use crate::disk::Disk;
use crate::identity::StoreIdentity;
use crate::layout::FileNumber;

use super::frame::{FRAME_HEADER_BYTES, FrameHeader, file_bytes, sector_index};
use super::header::{FileHeader, HeaderState, RawHeader};
use super::position::{Chain, FramePlace, Position};
use super::salt::Salts;
use super::sector::{self, Classifier, SectorState};
use super::window::Window;
use super::{BLOCK, BLOCK_BYTES, FRAMED_VERSION, PAYLOAD_BYTES, SECTOR_BYTES};

/// How the frames of a file end that nothing follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// `clean-end`: nothing of a further frame was written.
    Clean,
    /// `torn-frame`: some of a further frame's sectors were written, and some were not.
    Torn(TornTail),
}

/// The rest of a frame that was being written when the power went: never acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The file.
    pub path: PathBuf,
    /// Where the frame began.
    pub offset: u64,
    /// From there to the end of the last sector that was written.
    pub length: u64,
    /// The sectors that were written.
    pub sectors_written: u32,
}

/// A frame that was read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameInfo {
    /// Where it lies.
    pub place: FramePlace,
    /// When it was committed.
    pub commit_time: CommitTime,
    /// How many records its body holds.
    pub records: u32,
}

/// What comes next in a file.
#[derive(Debug)]
pub(crate) enum Next {
    /// A frame; its body is in the reader.
    Frame(FrameInfo),
    /// No frame.
    End(Ending),
}

/// A framed file that is read.
#[derive(Debug)]
pub(crate) struct FramedFile {
    path: PathBuf,
    window: Window,
    classifier: Classifier,
    store: uuid::Uuid,
}

impl FramedFile {
    /// Opens a file for reading.
    pub(crate) fn open(
        disk: &dyn Disk,
        path: PathBuf,
        number: FileNumber,
        identity: &StoreIdentity,
        salts: &Salts,
    ) -> Result<Self, ReadFailure> {
        let window = Window::open(disk, &path)?;
        Ok(Self { path, window, classifier: Classifier::new(salts.clone(), number), store: identity.uuid })
    }

    /// The file's bytes.
    pub(crate) fn length(&self) -> u64 {
        self.window.length()
    }

    /// Reads the header.
    pub(crate) fn header(&mut self) -> Result<HeaderState, ReadFailure> {
        let block: [u8; BLOCK_BYTES] = self.window.read(0, BLOCK_BYTES)?.try_into().expect("a block");
        let first: &[u8; PAYLOAD_BYTES] = block[..PAYLOAD_BYTES].try_into().expect("a sector's payload");
        let raw = RawHeader::decode(first);
        if let Some(raw) = raw {
            self.check_owner(raw)?;
        }
        let (mut written, mut unwritten) = (0, 0);
        for (index, sector) in (0..).zip(block.chunks_exact(SECTOR_BYTES)) {
            match self.classifier.classify(sector, index) {
                SectorState::Written(0) => written += 1,
                state if state.is_unwritten() => unwritten += 1,
                state => return Err(self.header_damage(index, state).into()),
            }
        }
        match (written, unwritten) {
            (0, _) => self.headerless(HeaderState::Unwritten),
            (_, 0) => self.valid_header(raw, &block),
            _ => self.headerless(HeaderState::Torn),
        }
    }

    /// A header without which no frame can have been written: if one was, the header was lost.
    fn headerless(&mut self, state: HeaderState) -> Result<HeaderState, ReadFailure> {
        for at in sectors(BLOCK..self.length()) {
            if let (SectorState::Written(frame), _) = self.sector(at)? {
                let found = format!("no header, and sectors of frame {frame} at byte {at}");
                return Err(self.damage(DamageCase::HeaderDamaged, 0, "a file header", found).into());
            }
        }
        Ok(state)
    }

    fn valid_header(&self, raw: Option<RawHeader>, block: &[u8]) -> Result<HeaderState, ReadFailure> {
        let Some(RawHeader::Known { length, predecessor: (file, offset, chain), .. }) = raw else {
            return Err(self.damage(DamageCase::HeaderDamaged, 0, "a file header", "sectors without one").into());
        };
        if self.length() < length {
            let found = format!("{} bytes", self.length());
            return Err(self.damage(DamageCase::FileTruncated, self.length(), format!("{length} bytes"), found).into());
        }
        let header = FileHeader {
            kind: self.classifier.kind(),
            store: self.store,
            number: self.classifier.number(),
            length,
            predecessor: FileNumber::new(file).map(|file| Position { file, offset, chain }),
        };
        if header.predecessor.map(|position| position.file) != header.number.previous() {
            let expected = format!("file {} to come after the one before it", header.number);
            return Err(self.damage(DamageCase::HeaderDamaged, 48, expected, format!("after file {file}")).into());
        }
        Ok(HeaderState::Valid(header, header.chain().after(&checksums_of(block))))
    }

    /// Refuses a header of another store, version, kind or number. One of a lower number is an older life's.
    fn check_owner(&self, raw: RawHeader) -> Result<(), Damage> {
        let (kind, number, store) = match raw {
            RawHeader::OtherVersion(version) => {
                let expected = format!("format {FRAMED_VERSION}, the one that this version of Annals knows");
                return Err(self.damage(DamageCase::UnknownVersion, 8, expected, format!("format {version}")));
            }
            RawHeader::Known { kind, number, store, .. } => (kind, number, store),
        };
        if store != self.store {
            let (expected, found) = (format!("store {}", self.store), format!("store {store}"));
            return Err(self.damage(DamageCase::WrongStore, 24, expected, found));
        }
        if kind != self.classifier.kind().code() || number > self.classifier.number().get() {
            let expected = format!("kind {}, file {}", self.classifier.kind().code(), self.classifier.number());
            return Err(self.damage(DamageCase::WrongFile, 16, expected, format!("kind {kind}, file {number}")));
        }
        Ok(())
    }

    fn header_damage(&self, index: u32, state: SectorState) -> Damage {
        let found = match state {
            SectorState::Written(frame) => format!("a sector of frame {frame}"),
            _ => "bytes that do not verify".to_owned(),
        };
        let offset = u64::from(index) * SECTOR_BYTES as u64;
        self.damage(DamageCase::HeaderDamaged, offset, "a sector of the file's header", found)
    }

    /// What the sector at `offset` is, and its bytes.
    pub(crate) fn sector(&mut self, offset: u64) -> Result<(SectorState, &[u8]), ReadFailure> {
        let sector = self.window.read(offset, SECTOR_BYTES)?;
        Ok((self.classifier.classify(sector, sector_index(offset)), sector))
    }

    /// Damage in this file.
    pub(crate) fn damage(
        &self,
        case: DamageCase,
        offset: u64,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Damage {
        Damage::of_case(case, &self.path, offset, expected, found)
    }
}

/// Where the sectors in a range of a file begin.
pub(crate) fn sectors(range: std::ops::Range<u64>) -> impl Iterator<Item = u64> {
    range.step_by(SECTOR_BYTES)
}

fn checksums_of(blocks: &[u8]) -> Vec<u8> {
    blocks.chunks_exact(SECTOR_BYTES).flat_map(|sector| &sector[sector::CHECKSUM]).copied().collect()
}

/// The frames of a file, in order.
#[derive(Debug)]
pub(crate) struct Frames {
    file: FramedFile,
    /// Where the last frame read begins; 0, the header's place, before the first.
    newest: u64,
    end: Position,
    next_frame: u32,
    body: Vec<u8>,
}

impl Frames {
    /// The frames of a file whose header was read.
    pub(crate) fn new(file: FramedFile, header: &FileHeader, chain: Chain) -> Self {
        let end = Position { file: header.number, offset: BLOCK, chain };
        Self { file, newest: 0, end, next_frame: 1, body: Vec::new() }
    }

    /// The position after the last frame read.
    pub(crate) fn end(&self) -> Position {
        self.end
    }

    /// The bytes of the file that may have been read from memory only: the last frame read, or the header before the
    /// first. What lies before was synced before they were written.
    pub(crate) fn newest(&self) -> Range<u64> {
        self.newest..self.end.offset
    }

    /// The body of the last frame read.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The file.
    pub(crate) fn file(&self) -> &FramedFile {
        &self.file
    }

    /// Reads the next frame into the reader's body, or tells how the frames end.
    pub(crate) fn next(&mut self) -> Result<Next, ReadFailure> {
        let offset = self.end.offset;
        match self.file.sector(offset)?.0 {
            SectorState::Written(frame) if frame == self.next_frame => {}
            state if state.is_unwritten() => return Ok(Next::End(self.ending(None)?)),
            state => return Err(self.wrong_sector(offset, state).into()),
        }
        let header = self.frame_header(offset)?;
        let payload = FRAME_HEADER_BYTES + header.body_bytes as usize;
        let frame_bytes = file_bytes(payload);
        for at in sectors(offset..offset + frame_bytes as u64) {
            match self.file.sector(at)?.0 {
                SectorState::Written(frame) if frame == self.next_frame => {}
                state if state.is_unwritten() => return Ok(Next::End(self.ending(Some(frame_bytes))?)),
                state => return Err(self.wrong_sector(at, state).into()),
            }
        }
        let chain = self.take_body(payload, frame_bytes)?;
        let end = Position { file: self.end.file, offset: offset + frame_bytes as u64, chain };
        let place = FramePlace { file: self.end.file, frame: self.next_frame, offset, end };
        (self.newest, self.end) = (offset, end);
        self.next_frame += 1;
        Ok(Next::Frame(FrameInfo { place, commit_time: header.commit_time, records: header.records }))
    }

    fn frame_header(&mut self, offset: u64) -> Result<FrameHeader, ReadFailure> {
        let salt = self.file.classifier.salt();
        let bytes: [u8; FRAME_HEADER_BYTES] =
            self.file.window.read(offset, FRAME_HEADER_BYTES)?.try_into().expect("as many as asked for");
        let header = FrameHeader::decode(&bytes, salt).map_err(|(at, expected, found)| {
            self.file.damage(DamageCase::FrameHeaderWrong, offset + at, expected, found)
        })?;
        let wrong = |at, expected: String, found: String| {
            self.file.damage(DamageCase::FrameHeaderWrong, offset + at, expected, found)
        };
        if header.frame != self.next_frame {
            let (expected, found) = (format!("frame {}", self.next_frame), format!("frame {}", header.frame));
            return Err(wrong(8, expected, found).into());
        }
        let longest = self.file.classifier.kind().body_bytes_max();
        if header.body_bytes as usize > longest {
            let found = format!("{} bytes", header.body_bytes);
            return Err(wrong(12, format!("a body of at most {longest} bytes"), found).into());
        }
        if header.chain != self.end.chain {
            let (expected, found) = (format!("chain {}", self.end.chain), format!("chain {}", header.chain));
            return Err(self.file.damage(DamageCase::ChainBroken, offset + 32, expected, found).into());
        }
        Ok(header)
    }

    /// Copies the body out of sectors that all verify, and gives the chain's value after them.
    fn take_body(&mut self, payload: usize, frame_bytes: usize) -> Result<Chain, ReadFailure> {
        let offset = self.end.offset;
        let blocks = self.file.window.read(offset, frame_bytes)?;
        let chain = self.end.chain.after(&checksums_of(blocks));
        self.body.clear();
        self.body.reserve(frame_bytes);
        for sector in blocks.chunks_exact(SECTOR_BYTES) {
            self.body.extend_from_slice(&sector[..PAYLOAD_BYTES]);
        }
        if let Some(at) = self.body[payload..].iter().position(|&byte| byte != 0) {
            let at = payload + at;
            let within = at / PAYLOAD_BYTES * SECTOR_BYTES + at % PAYLOAD_BYTES;
            let found = format!("{:#04x}", self.body[at]);
            return Err(self.file.damage(DamageCase::PaddingNotZero, offset + within as u64, "zero", found).into());
        }
        self.body.truncate(payload);
        self.body.drain(..FRAME_HEADER_BYTES);
        Ok(chain)
    }

    /// Tells how the frames end, given that a sector of the next one was not written. `frame_bytes` is the frame's
    /// length in the file if its header was written. Looks at everything up to the end of the file.
    fn ending(&mut self, frame_bytes: Option<usize>) -> Result<Ending, ReadFailure> {
        let offset = self.end.offset;
        let longest = frame_bytes
            .unwrap_or_else(|| file_bytes(FRAME_HEADER_BYTES + self.file.classifier.kind().body_bytes_max()));
        let (mut written, mut written_end) = (0, offset);
        for at in sectors(offset..self.file.length()) {
            match self.file.sector(at)?.0 {
                state if state.is_unwritten() => {}
                SectorState::Written(frame) if frame == self.next_frame && at < offset + longest as u64 => {
                    written += 1;
                    written_end = at + SECTOR_BYTES as u64;
                }
                SectorState::Written(frame) if frame > self.next_frame => {
                    let expected = format!("all of frame {}, since a later one was begun after it", self.next_frame);
                    let found = format!("an unwritten sector of it, and frame {frame} at byte {at}");
                    return Err(self.file.damage(DamageCase::HoleBeforeLaterFrame, offset, expected, found).into());
                }
                state => return Err(self.wrong_sector(at, state).into()),
            }
        }
        if written == 0 {
            return Ok(Ending::Clean);
        }
        let path = self.file.path.clone();
        Ok(Ending::Torn(TornTail { path, offset, length: written_end - offset, sectors_written: written }))
    }

    fn wrong_sector(&self, at: u64, state: SectorState) -> Damage {
        let expected = format!("a sector of frame {}, or one that was never written", self.next_frame);
        match state {
            SectorState::Written(frame) => {
                self.file.damage(DamageCase::SectorOutOfPlace, at, expected, format!("a sector of frame {frame}"))
            }
            _ => self.file.damage(DamageCase::GarbageSector, at, expected, "bytes that do not verify"),
        }
    }
}
