//! A journal of a few files, written after `FORMAT.md`, and the changes that its files then suffer.

use annals_storage::framed::{Chain, Kind, Position};
use annals_storage::journal::RecoverFrom;
use annals_storage::layout::FileNumber;

use super::super::forge::{BLOCK, FRAME_HEADER, Forge, FrameFields, PAYLOAD, Place, SECTOR, chain_after};
use super::super::input::Input;
use super::records::Body;

/// Changes of one input.
const CHANGES_MAX: usize = 6;

/// Frames of one file.
const FRAMES_MAX: usize = 4;

/// The journal.
pub(super) struct ForgedJournal {
    forge: Forge,
    /// By number, in order.
    pub(super) files: Vec<ForgedFile>,
    pub(super) frames: Vec<ForgedFrame>,
    /// Whether a change was sealed, so that a reader may take it for what was written.
    pub(super) is_forged: bool,
    /// Whether anything was changed that a reader must look at.
    pub(super) is_changed: bool,
}

/// A file as it lies on the disk; none once it was removed.
pub(super) struct ForgedFile {
    pub(super) number: u32,
    pub(super) bytes: Option<Vec<u8>>,
    /// Where its frames end.
    end: u64,
}

/// A frame as it was written.
#[derive(Clone, Debug)]
pub(super) struct ForgedFrame {
    pub(super) offset: u64,
    pub(super) end: Place,
    pub(super) commit_time: i64,
    pub(super) records: u32,
    pub(super) makes_sense: bool,
}

impl ForgedJournal {
    /// Writes a journal.
    pub(super) fn choose(input: &mut Input<'_>) -> Self {
        let mut journal = Self {
            forge: Forge::new(Kind::Journal),
            files: Vec::new(),
            frames: Vec::new(),
            is_forged: false,
            is_changed: false,
        };
        let choice = input.byte();
        let first = 1 + u32::from(choice >> 4);
        // What the first file follows on is not there any more, nor is it looked at.
        let mut end = (first > 1).then(|| (first - 1, BLOCK as u64, input.long()));
        for number in first..=first + u32::from(choice % 3) {
            end = Some(journal.write_file(number, end, input));
        }
        journal
    }

    fn write_file(&mut self, number: u32, before: Option<Place>, input: &mut Input<'_>) -> Place {
        let choice = input.byte();
        let mut bytes = vec![0; BLOCK * (3 + usize::from(choice >> 5))];
        if choice & 1 == 1 && number > 1 {
            self.fill_with_older_life(&mut bytes, number, input);
        }
        let header = self.forge.file_header(number, bytes.len(), before);
        bytes[..BLOCK].copy_from_slice(&header);
        let (mut chain, mut offset) = (chain_after(before.map_or(0, |(_, _, chain)| chain), &header), BLOCK);
        for frame in (1..).take(FRAMES_MAX.min(usize::from(choice >> 1 & 7))) {
            let body = Body::choose(input);
            let commit_time = input.number().cast_signed();
            let fields = FrameFields { commit_time, records: body.records, chain };
            let blocks = self.forge.frame(number, frame, offset, fields, &body.bytes);
            let Some(place) = bytes.get_mut(offset..offset + blocks.len()) else { break };
            place.copy_from_slice(&blocks);
            chain = chain_after(chain, &blocks);
            let end = (number, (offset + blocks.len()) as u64, chain);
            let Body { records, makes_sense, .. } = body;
            self.frames.push(ForgedFrame { offset: offset as u64, end, commit_time, records, makes_sense });
            offset += blocks.len();
        }
        self.files.push(ForgedFile { number, bytes: Some(bytes), end: offset as u64 });
        (number, offset as u64, chain)
    }

    /// Sectors of the life that the file had under a lower number.
    fn fill_with_older_life(&self, bytes: &mut [u8], number: u32, input: &mut Input<'_>) {
        let older = 1 + u32::from(input.byte()) % (number - 1);
        for (index, sector) in bytes.chunks_exact_mut(SECTOR).enumerate() {
            sector[0] = input.byte();
            self.forge.seal(sector, index, older, u32::try_from(index / 8).expect("a small file"));
        }
    }

    /// What the manifest knows of the journal: that all but the newest frame was durable, or that one too.
    pub(super) fn from(&self, knows_newest: bool) -> RecoverFrom {
        let number = |file: &ForgedFile| FileNumber::new(file.number).expect("from 1");
        let held = self.frames.iter().rev().skip(usize::from(!knows_newest)).map(|frame| position(frame.end));
        RecoverFrom {
            first_needed: self.files.first().map(number).expect("there is a file"),
            started: self.files.last().map(number),
            must_hold: held.collect(),
        }
    }

    /// Changes the files.
    pub(super) fn change(&mut self, input: &mut Input<'_>) {
        for _ in 0..CHANGES_MAX {
            if input.is_empty() {
                return;
            }
            let nth = input.below(self.files.len());
            if let Some(bytes) = self.files[nth].bytes.take() {
                let before = bytes.clone();
                self.files[nth].bytes = self.changed(nth, bytes, input);
                self.note_change(nth, &before);
            }
        }
    }

    /// Behind the end that the next file names, what a file holds is dead.
    fn note_change(&mut self, nth: usize, before: &[u8]) {
        let file = &self.files[nth];
        let is_newest = nth + 1 == self.files.len();
        let end = if is_newest { before.len() } else { usize::try_from(file.end).expect("a small file") };
        let is_same = |bytes: &Vec<u8>| bytes.len() == before.len() && bytes.get(..end) == before.get(..end);
        self.is_changed |= !file.bytes.as_ref().is_some_and(is_same);
    }

    fn changed(&mut self, nth: usize, mut bytes: Vec<u8>, input: &mut Input<'_>) -> Option<Vec<u8>> {
        let number = self.files[nth].number;
        let kind = input.byte() % 10;
        if bytes.len() < BLOCK {
            return Some(bytes);
        }
        let index = input.below(bytes.len() / SECTOR);
        let at = index * SECTOR;
        match kind {
            0 => bytes[at + input.below(SECTOR)] ^= input.byte(),
            1 => bytes[at..at + SECTOR].fill(0),
            2 => {
                let from = input.below(bytes.len() / SECTOR) * SECTOR;
                bytes.copy_within(from..from + SECTOR, at);
            }
            3 => bytes[at..].fill(0),
            4 => bytes.truncate(at + input.below(SECTOR)),
            5 if number > 1 => {
                let older = 1 + u32::from(input.byte()) % (number - 1);
                self.forge.seal(&mut bytes[at..at + SECTOR], index, older, input.byte().into());
            }
            6 => self.forge_sector(&mut bytes[at..at + SECTOR], index, number, input),
            7 => self.forge_frame_header(&mut bytes, index, number, input),
            8 => self.forge_file_header(&mut bytes, number, input),
            _ if input.byte() == 255 => return None,
            _ => bytes.resize(bytes.len() + input.below(2 * BLOCK), 0),
        }
        Some(bytes)
    }

    /// Puts anything into a sector, as part of any frame.
    fn forge_sector(&mut self, sector: &mut [u8], index: usize, number: u32, input: &mut Input<'_>) {
        let within = input.below(PAYLOAD);
        let piece = input.part();
        let length = piece.len().min(PAYLOAD - within);
        sector[within..within + length].copy_from_slice(&piece[..length]);
        let frame = match input.byte() {
            255 => input.word(),
            frame if frame < 128 => u32::from_le_bytes(sector[504..508].try_into().expect("4 bytes")),
            frame => (frame % 6).into(),
        };
        self.forge.seal(sector, index, number, frame);
        self.is_forged = true;
    }

    /// Changes a field of a frame's header and makes its checksums hold.
    fn forge_frame_header(&mut self, bytes: &mut [u8], index: usize, number: u32, input: &mut Input<'_>) {
        let at = index * SECTOR / BLOCK * BLOCK;
        let sector = &mut bytes[at..at + SECTOR];
        let frame = u32::from_le_bytes(sector[504..508].try_into().expect("4 bytes"));
        let field = 8 + 4 * input.below((FRAME_HEADER - 8) / 4);
        sector[field..field + 4].copy_from_slice(&input.number_of_32_bits().to_le_bytes());
        self.forge.seal_frame_header(&mut sector[..PAYLOAD], number);
        self.forge.seal(sector, at / SECTOR, number, frame);
        self.is_forged = true;
    }

    /// Changes a field of the file's header and makes its checksums hold.
    fn forge_file_header(&mut self, bytes: &mut [u8], number: u32, input: &mut Input<'_>) {
        let sector = &mut bytes[..SECTOR];
        let field = 4 * input.below(18);
        sector[field..field + 4].copy_from_slice(&input.number_of_32_bits().to_le_bytes());
        Forge::seal_file_header(&mut sector[..PAYLOAD]);
        self.forge.seal(sector, 0, number, 0);
        self.is_forged = true;
    }

    /// The blocks that the page gives for a frame with this content.
    pub(super) fn reference(&self, number: u32, frame: u32, offset: u64, fields: FrameFields, body: &[u8]) -> Vec<u8> {
        self.forge.frame(number, frame, usize::try_from(offset).expect("a small file"), fields, body)
    }
}

pub(super) fn position((file, offset, chain): Place) -> Position {
    Position { file: FileNumber::new(file).expect("from 1"), offset, chain: Chain::new(chain) }
}
