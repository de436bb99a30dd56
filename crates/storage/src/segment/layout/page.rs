//! Pages: the unit in which a run is compressed, checked, read and cached.
//!
//! Everything in a run but its directory lies in pages. A page's checksum covers its content as stored, its kind, its
//! run's salt and its place in the run, and is held a second time by the index above it. So a page that passes is the
//! page that was asked for: not an older one, not another run's, not one from elsewhere in the file.

use std::cell::RefCell;
use std::fmt;
use std::io;

use zstd::bulk::{Compressor as Zstd, Decompressor};

use crate::segment::layout::compression::Compression;
use crate::segment::layout::error::Fault;
use crate::segment::layout::fields::Fields;

/// The bytes before a page's stored content.
pub(crate) const PAGE_HEADER_BYTES: usize = 32;

/// No page has more content, so that a damaged length cannot ask for more memory. The largest are those of a run's
/// permutation, batches and index, whose sizes follow from the bounds of a run.
pub(crate) const PAGE_CONTENT_MAX: u32 = 64 * 1024 * 1024;

const CODEC_RAW: u8 = 0;
const CODEC_ZSTD: u8 = 1;

/// What a page holds. The numbers stand in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum PageKind {
    /// Rows, sorted: events and what places them.
    Rows = 1,
    /// For each sequence its row.
    Permutation = 2,
    /// Partitions with their bounds and counts.
    Partitions = 3,
    /// Batches with their commit times.
    Batches = 4,
    /// The hours of event time in which there are events.
    Hours = 5,
    /// The index of the partition pages.
    PartitionIndex = 6,
    /// The filter on partition keys.
    KeyFilter = 7,
    /// The index of the row pages.
    RowIndex = 8,
}

impl PageKind {
    const ALL: [Self; 8] = [
        Self::Rows,
        Self::Permutation,
        Self::Partitions,
        Self::Batches,
        Self::Hours,
        Self::PartitionIndex,
        Self::KeyFilter,
        Self::RowIndex,
    ];

    /// The kind with this number; none if this version does not know it.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|&kind| kind as u8 == number)
    }
}

impl fmt::Display for PageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rows => "rows",
            Self::Permutation => "permutation",
            Self::Partitions => "partitions",
            Self::Batches => "batches",
            Self::Hours => "hours",
            Self::PartitionIndex => "partition index",
            Self::KeyFilter => "key filter",
            Self::RowIndex => "row index",
        })
    }
}

/// Where a page lies and what it must be; held by the index above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PagePlace {
    /// Counted from the run's first byte, so that a run can be copied as it is.
    pub offset: u64,
    /// With the header.
    pub length: u32,
    /// Of the content, once decompressed.
    pub content_length: u32,
    /// As it stands in the page's header too.
    pub checksum: u32,
}

impl PagePlace {
    /// The first byte after the page.
    pub(crate) fn end(&self) -> u64 {
        self.offset + u64::from(self.length)
    }
}

/// Makes pages; keeps its compression context from one to the next.
pub(crate) struct PageEncoder {
    zstd: Zstd<'static>,
    compressed: Vec<u8>,
}

impl PageEncoder {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { zstd: Zstd::new(Compression::default().level())?, compressed: Vec::new() })
    }

    /// Compresses the pages that follow in this way.
    pub(crate) fn set_compression(&mut self, compression: Compression) -> io::Result<()> {
        self.zstd.set_compression_level(compression.level())
    }

    /// Adds the page of `content` to `out`, which will lie at `offset` of the run with `salt`.
    pub(crate) fn encode_into(
        &mut self,
        out: &mut Vec<u8>,
        kind: PageKind,
        salt: u64,
        offset: u64,
        content: &[u8],
    ) -> io::Result<PagePlace> {
        self.compressed.clear();
        self.compressed.reserve(zstd::zstd_safe::compress_bound(content.len()));
        self.zstd.compress_to_buffer(content, &mut self.compressed)?;
        let (codec, stored) = if self.compressed.len() < content.len() {
            (CODEC_ZSTD, &self.compressed[..])
        } else {
            (CODEC_RAW, content)
        };
        let narrow = |length: usize| u32::try_from(length).expect("the bounds of a run keep pages far below 4 GiB");
        let start = out.len();
        out.extend_from_slice(&[kind as u8, codec, 0, 0]);
        out.extend_from_slice(&narrow(stored.len()).to_le_bytes());
        out.extend_from_slice(&narrow(content.len()).to_le_bytes());
        out.extend_from_slice(&salt.to_le_bytes());
        out.extend_from_slice(&offset.to_le_bytes());
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&out[start..]), stored);
        out.extend_from_slice(&checksum.to_le_bytes());
        out.extend_from_slice(stored);
        Ok(PagePlace {
            offset,
            length: narrow(PAGE_HEADER_BYTES + stored.len()),
            content_length: narrow(content.len()),
            checksum,
        })
    }
}

/// A page's header, as it stands in the file; nothing of it is checked but that it is long enough.
#[derive(Debug)]
pub(crate) struct PageHeader {
    pub kind: u8,
    codec: u8,
    zero: u16,
    pub stored_length: u32,
    pub content_length: u32,
    salt: u64,
    offset: u64,
    pub checksum: u32,
}

impl PageHeader {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes.get(..PAGE_HEADER_BYTES)?);
        Some(Self {
            kind: fields.u8()?,
            codec: fields.u8()?,
            zero: fields.u16()?,
            stored_length: fields.u32()?,
            content_length: fields.u32()?,
            salt: fields.u64()?,
            offset: fields.u64()?,
            checksum: fields.u32()?,
        })
    }

    /// Whether it says that it is the header of the page at `offset` of the run with `salt`.
    pub(crate) fn is_of(&self, salt: u64, offset: u64) -> bool {
        (self.salt, self.offset) == (salt, offset)
    }

    /// The page's bytes, header and all; more than any run has if the length is damaged.
    pub(crate) fn page_length(&self) -> u64 {
        PAGE_HEADER_BYTES as u64 + u64::from(self.stored_length)
    }
}

/// Checks that `page` is the page at `offset` of the run with `salt`, whole and unchanged, and gives its header.
pub(crate) fn check(page: &[u8], salt: u64, offset: u64) -> Result<PageHeader, Fault> {
    let header =
        PageHeader::parse(page).ok_or_else(|| Fault::new(0, "a page", format!("the {} last bytes", page.len())))?;
    if header.page_length() != page.len() as u64 {
        return Err(Fault::new(
            4,
            format!("a page of {} bytes", page.len()),
            format!("{} bytes", header.page_length()),
        ));
    }
    let (covered, rest) = page.split_at(PAGE_HEADER_BYTES - 4);
    let computed = crc32c::crc32c_append(crc32c::crc32c(covered), &rest[4..]);
    if computed != header.checksum {
        return Err(Fault::new(0, format!("checksum {:08x}", header.checksum), format!("{computed:08x}")));
    }
    if header.zero != 0 || header.codec > CODEC_ZSTD || header.content_length > PAGE_CONTENT_MAX {
        return Err(Fault::new(0, "a codec and a length that this version writes", format!("{header:?}")));
    }
    if (header.salt, header.offset) != (salt, offset) {
        let place = |salt: u64, offset: u64| format!("the page at {offset} of run {salt:016x}");
        return Err(Fault::new(12, place(salt, offset), place(header.salt, header.offset)));
    }
    Ok(header)
}

/// Checks that `page` is the one that the index holds and gives its content.
pub(crate) fn decode(page: &[u8], kind: PageKind, salt: u64, place: &PagePlace) -> Result<Vec<u8>, Fault> {
    let header = check_indexed(page, kind, salt, place)?;
    content(&header, &page[PAGE_HEADER_BYTES..])
}

/// As `decode`, with the content in the place of what `out` held.
pub(crate) fn decode_into(
    page: &[u8],
    kind: PageKind,
    salt: u64,
    place: &PagePlace,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let header = check_indexed(page, kind, salt, place)?;
    content_into(&header, &page[PAGE_HEADER_BYTES..], out)
}

/// As `check`, of the page that the index holds.
fn check_indexed(page: &[u8], kind: PageKind, salt: u64, place: &PagePlace) -> Result<PageHeader, Fault> {
    let header = check(page, salt, place.offset)?;
    if header.checksum != place.checksum {
        let expected = format!("the page with checksum {:08x}, as its index says", place.checksum);
        return Err(Fault::new(28, expected, format!("one with {:08x}", header.checksum)));
    }
    if header.kind != kind as u8 || header.content_length != place.content_length {
        let expected = format!("{kind:?} of {} bytes, as its index says", place.content_length);
        return Err(Fault::new(0, expected, format!("kind {} of {} bytes", header.kind, header.content_length)));
    }
    Ok(header)
}

/// The content of a page whose header was checked.
pub(crate) fn content(header: &PageHeader, stored: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    content_into(header, stored, &mut out)?;
    Ok(out)
}

/// Puts the content of a page whose header was checked in the place of what `out` held.
fn content_into(header: &PageHeader, stored: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    thread_local! {
        static ZSTD: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    let length = header.content_length as usize;
    out.clear();
    if header.codec == CODEC_RAW {
        out.extend_from_slice(stored);
    } else {
        out.reserve_exact(length);
        let decompressed = ZSTD.with_borrow_mut(|kept| {
            let zstd = match kept {
                Some(zstd) => zstd,
                None => kept.insert(Decompressor::new()?),
            };
            zstd.decompress_to_buffer(stored, out)
        });
        decompressed.map_err(|error: io::Error| Fault::new(PAGE_HEADER_BYTES as u64, "a zstd frame", error))?;
    }
    if out.len() == length {
        return Ok(());
    }
    Err(Fault::new(8, format!("content of {length} bytes"), format!("{} bytes", out.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(content: &[u8]) -> (Vec<u8>, PagePlace) {
        let mut out = Vec::new();
        let mut encoder = PageEncoder::new().expect("a context");
        let place = encoder.encode_into(&mut out, PageKind::Rows, 7, 4_096, content).expect("encodes");
        (out, place)
    }

    #[test]
    fn content_comes_back_whether_it_was_worth_compressing_or_not() {
        for content in [&b"".to_vec(), &b"short".to_vec(), &vec![9; 70_000]] {
            let (bytes, place) = page(content);
            assert!(bytes.len() <= PAGE_HEADER_BYTES + content.len());
            assert_eq!(&decode(&bytes, PageKind::Rows, 7, &place).expect("whole"), content);
        }
    }

    #[test]
    fn every_flipped_bit_of_a_page_is_found() {
        let (bytes, place) = page(&[b"event".repeat(40), vec![1, 2, 3]].concat());
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&damaged, PageKind::Rows, 7, &place).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_sound_page_in_the_wrong_place_is_found() {
        let (bytes, place) = page(b"rows");
        let other = PagePlace { checksum: place.checksum ^ 1, ..place };
        let elsewhere = PagePlace { offset: 0, ..place };
        assert!(decode(&bytes, PageKind::Rows, 8, &place).is_err(), "another run's");
        assert!(decode(&bytes, PageKind::Rows, 7, &elsewhere).is_err(), "from another place");
        assert!(decode(&bytes, PageKind::Hours, 7, &place).is_err(), "of another kind");
        assert!(decode(&bytes, PageKind::Rows, 7, &other).is_err(), "of another life");
    }
}
