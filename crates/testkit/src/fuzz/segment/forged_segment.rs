//! A segment of one run, taken apart into the contents of its pages, changed, and put together with seals that hold.
//!
//! What is put together follows `FORMAT.md`: each page's checksum, the places of pages in the indexes, the sections of
//! the directory, its digest in the run's summary, the footer and its digest.

use annals_storage::Digest;
use annals_storage::segment::SegmentSummary;

use super::super::input::Input;

/// Changes of one input.
const CHANGES_MAX: usize = 5;

const FILE_HEADER: usize = 64;
const PAGE_HEADER: usize = 32;
const DIRECTORY_HEADER: usize = 112;
const SECTION: usize = 32;
const ROWS: u8 = 1;
const PARTITIONS: u8 = 3;
const BATCHES: u8 = 4;
const PARTITION_INDEX: u8 = 6;
const ROW_INDEX: u8 = 8;

/// The segment in parts.
pub(super) struct ForgedSegment {
    header: Vec<u8>,
    pages: Vec<ForgedPage>,
    directory: Vec<u8>,
    summary: SegmentSummary,
    /// What is changed after all seals below it were made.
    changes: Vec<(Part, Change)>,
}

struct ForgedPage {
    kind: u8,
    salt: [u8; 8],
    content: Vec<u8>,
}

/// Where a page was put.
struct PutPage {
    kind: u8,
    offset: u64,
    length: u32,
    content_length: u32,
    checksum: u32,
}

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Content(usize),
    PageHeader(usize),
    Directory,
    Summary,
}

/// How bytes are changed; places are taken modulo their length.
#[derive(Clone, Debug)]
enum Change {
    Flip { at: usize, by: u8 },
    Word { at: usize, value: u32 },
    Swap { one: usize, other: usize },
    Cut { length: usize },
    Insert { at: usize, bytes: Vec<u8> },
}

impl Change {
    fn choose(input: &mut Input<'_>) -> Self {
        let (kind, at) = (input.byte() % 8, input.short().into());
        match kind {
            0..3 => Self::Flip { at, by: input.byte().max(1) },
            3 | 4 => Self::Word { at, value: input.number_of_32_bits() },
            5 => Self::Swap { one: at, other: input.short().into() },
            6 => Self::Cut { length: at },
            _ => Self::Insert { at, bytes: input.part().to_vec() },
        }
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.len() < 4 {
            return;
        }
        let last = bytes.len() - 4;
        match self {
            Self::Flip { at, by } => bytes[at % (last + 4)] ^= by,
            Self::Word { at, value } => bytes[at % (last + 1)..][..4].copy_from_slice(&value.to_le_bytes()),
            Self::Swap { one, other } => {
                let words = [one % (last + 1), other % (last + 1)];
                let copies = words.map(|at| <[u8; 4]>::try_from(&bytes[at..at + 4]).expect("4 bytes"));
                bytes[words[0]..words[0] + 4].copy_from_slice(&copies[1]);
                bytes[words[1]..words[1] + 4].copy_from_slice(&copies[0]);
            }
            Self::Cut { length } => bytes.truncate(length % bytes.len()),
            Self::Insert { at, bytes: piece } => {
                let at = at % bytes.len();
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
}

impl ForgedSegment {
    /// Takes a sound segment of one run apart.
    pub(super) fn new(file: &[u8], summary: SegmentSummary) -> Self {
        let run = &summary.runs[0];
        let pages_end = usize::try_from(run.offset + run.length).expect("small") - run.directory_length as usize;
        let mut pages = Vec::new();
        let mut rest = &file[FILE_HEADER..pages_end];
        while !rest.is_empty() {
            let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().expect("4 bytes")) as usize;
            let (stored_length, content_length) = (word(4), word(8));
            let (page, behind) = rest.split_at(PAGE_HEADER + stored_length);
            let stored = &page[PAGE_HEADER..];
            let content = match page[1] {
                0 => stored.to_vec(),
                _ => zstd::bulk::decompress(stored, content_length).expect("a page that was just written"),
            };
            pages.push(ForgedPage { kind: page[0], salt: page[12..20].try_into().expect("8 bytes"), content });
            rest = behind;
        }
        let directory = file[pages_end..usize::try_from(summary.footer_offset).expect("small")].to_vec();
        Self { header: file[..FILE_HEADER].to_vec(), pages, directory, summary, changes: Vec::new() }
    }

    /// Chooses what is changed; tells whether anything is.
    pub(super) fn choose_changes(&mut self, input: &mut Input<'_>) -> bool {
        while !input.is_empty() && self.changes.len() < CHANGES_MAX {
            let part = match input.byte() {
                choice @ 0..200 => Part::Content(usize::from(choice) % self.pages.len()),
                choice @ 200..220 => Part::PageHeader(usize::from(choice) % self.pages.len()),
                220..240 => Part::Directory,
                _ => Part::Summary,
            };
            self.changes.push((part, Change::choose(input)));
        }
        !self.changes.is_empty()
    }

    fn change(&self, part: Part, bytes: &mut Vec<u8>) {
        for (_, change) in self.changes.iter().filter(|(changed, _)| *changed == part) {
            change.apply(bytes);
        }
    }

    /// The segment's file, and its summary as the manifest holds it; none if the manifest would refuse it.
    pub(super) fn put_together(mut self) -> (Vec<u8>, Option<SegmentSummary>) {
        let mut file = self.header.clone();
        let put = self.put_pages(&mut file);
        let directory = self.put_directory(&put);
        file.extend_from_slice(&directory);
        let (pages, run) = (file.len() - FILE_HEADER - directory.len(), &mut self.summary.runs[0]);
        run.length = (file.len() - FILE_HEADER) as u64;
        run.directory_length = u32::try_from(directory.len()).expect("small");
        // The runs of this target are small: their batches lie in the tail.
        let tail = put.iter().find(|page| page.kind == BATCHES).map_or(0, |page| page.offset);
        run.tail_length = u32::try_from(pages as u64 - tail).expect("small") + run.directory_length;
        run.directory_digest = Digest::of(&directory);
        let footer = self.footer(file.len());
        self.summary.footer_offset = file.len() as u64;
        self.summary.footer_length = footer.len() as u64;
        file.extend_from_slice(&footer);
        self.summary.file_length = file.len() as u64;
        self.summary.footer_digest = Digest::of(&footer);
        let mut summary = self.summary.encode();
        self.change(Part::Summary, &mut summary);
        (file, SegmentSummary::decode(&summary))
    }

    fn put_pages(&self, file: &mut Vec<u8>) -> Vec<PutPage> {
        let mut put: Vec<PutPage> = Vec::new();
        for (number, page) in self.pages.iter().enumerate() {
            let mut content = page.content.clone();
            match page.kind {
                PARTITION_INDEX => place_pages(&mut content, 26, 12, put.iter().filter(|page| page.kind == PARTITIONS)),
                ROW_INDEX => place_pages(&mut content, 54, 40, put.iter().filter(|page| page.kind == ROWS)),
                _ => {}
            }
            self.change(Part::Content(number), &mut content);
            let length = u32::try_from(content.len()).expect("small");
            let offset = (file.len() - FILE_HEADER) as u64;
            let mut header = vec![page.kind, 0, 0, 0];
            header.extend_from_slice(&length.to_le_bytes());
            header.extend_from_slice(&length.to_le_bytes());
            self.change(Part::PageHeader(number), &mut header);
            header.resize(12, 0);
            header.extend_from_slice(&page.salt);
            header.extend_from_slice(&offset.to_le_bytes());
            let checksum = crc32c::crc32c_append(crc32c::crc32c(&header), &content);
            header.extend_from_slice(&checksum.to_le_bytes());
            file.extend_from_slice(&header);
            file.extend_from_slice(&content);
            let content_length = u32::from_le_bytes(header[8..12].try_into().expect("4 bytes"));
            let length = length + u32::try_from(PAGE_HEADER).expect("small");
            put.push(PutPage { kind: header[0], offset, length, content_length, checksum });
        }
        put
    }

    /// The directory, whose sections are of pages that were put.
    fn put_directory(&self, put: &[PutPage]) -> Vec<u8> {
        let mut directory = self.directory.clone();
        for section in directory[DIRECTORY_HEADER..].chunks_exact_mut(SECTION) {
            let pages: Vec<_> = put.iter().filter(|page| page.kind == section[0]).collect();
            let Some(first) = pages.first() else { continue };
            let is_of_many = matches!(section[0], ROWS | PARTITIONS);
            let fold = |checksum, page: &&PutPage| crc32c::crc32c_append(checksum, &page.checksum.to_le_bytes());
            let checksum = if is_of_many { pages.iter().fold(0, fold) } else { first.checksum };
            let content_length = if is_of_many { 0 } else { first.content_length };
            let length: u64 = pages.iter().map(|page| u64::from(page.length)).sum();
            section[4..8].copy_from_slice(&content_length.to_le_bytes());
            section[8..16].copy_from_slice(&first.offset.to_le_bytes());
            section[16..24].copy_from_slice(&length.to_le_bytes());
            section[24..28].copy_from_slice(&checksum.to_le_bytes());
        }
        self.change(Part::Directory, &mut directory);
        directory
    }

    fn footer(&self, offset: usize) -> Vec<u8> {
        let mut footer = b"ANNALfoo".to_vec();
        footer.extend_from_slice(&self.header[8..60]);
        footer.extend_from_slice(&1_u32.to_le_bytes());
        self.summary.runs[0].encode_into(&mut footer);
        let checksum = crc32c::crc32c(&footer);
        let mut trailer = (offset as u64).to_le_bytes().to_vec();
        trailer.extend_from_slice(&(footer.len() as u64).to_le_bytes());
        trailer.extend_from_slice(&checksum.to_le_bytes());
        trailer.extend_from_slice(&crc32c::crc32c(&trailer).to_le_bytes());
        trailer.extend_from_slice(b"ANNALend");
        [footer, trailer].concat()
    }
}

/// Writes into an index where its pages were put: length, length of the content and checksum, at `field` of each entry.
fn place_pages<'a>(index: &mut [u8], entry: usize, field: usize, pages: impl Iterator<Item = &'a PutPage>) {
    for (entry, page) in index[4..].chunks_exact_mut(entry).zip(pages) {
        let fields = [page.length, page.content_length, page.checksum].map(u32::to_le_bytes).concat();
        entry[field..field + 12].copy_from_slice(&fields);
    }
}
