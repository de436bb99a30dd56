//! The directory of a run: whose run it is, and where its sections lie.
//!
//! It is the run's last part and the only one outside a page; the run's summary holds its digest. All offsets count
//! from the run's first byte, so that a run can be copied into another file as it is.

use annals_model::{Sequence, Shard, TableId};

use crate::segment::layout::error::Fault;
use crate::segment::layout::fields::Fields;
use crate::segment::layout::format::Features;
use crate::segment::layout::page::{PageKind, PagePlace};
use crate::segment::layout::summary::RunSummary;

const MAGIC: [u8; 8] = *b"ANNALrun";

/// The bytes before the sections.
const HEADER_BYTES: usize = 112;

/// The bytes of a section.
const SECTION_BYTES: usize = 32;

/// A stretch of pages of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// A page kind, or the number of one that this version does not know and may pass over.
    pub kind: u8,
    pub offset: u64,
    pub length: u64,
    /// Of the one page's content; zero for a section of many pages.
    pub content_length: u32,
    /// The one page's, or the CRC-32C of the checksums of all pages in order.
    pub checksum: u32,
}

/// A run's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SectionTable {
    pub table: TableId,
    pub shard: Shard,
    pub first: Sequence,
    pub last: Sequence,
    pub event_count: u32,
    pub partition_count: u32,
    pub salt: u64,
    pub sections: Vec<Section>,
}

/// Why bytes were not read as a directory.
#[derive(Debug)]
pub(crate) enum SectionTableFault {
    Damaged(Fault),
    /// Written by a later version; what this one cannot read.
    Newer(String),
}

impl Section {
    /// The section of one page.
    pub(crate) fn of_page(kind: PageKind, page: &PagePlace) -> Self {
        Self {
            kind: kind as u8,
            offset: page.offset,
            length: u64::from(page.length),
            content_length: page.content_length,
            checksum: page.checksum,
        }
    }

    /// The section of pages that lie one after another from `offset` on; none of them begins before it.
    pub(crate) fn of_pages<'a>(kind: PageKind, offset: u64, pages: impl Iterator<Item = &'a PagePlace>) -> Self {
        let (end, checksum) = pages.fold((offset, 0), |(_, checksum), page| {
            (page.end(), crc32c::crc32c_append(checksum, &page.checksum.to_le_bytes()))
        });
        Self { kind: kind as u8, offset, length: end - offset, content_length: 0, checksum }
    }

    /// Where the section's one page lies; none if it is too long to be one.
    pub(crate) fn page(&self) -> Option<PagePlace> {
        let length = u32::try_from(self.length).ok()?;
        Some(PagePlace { offset: self.offset, length, content_length: self.content_length, checksum: self.checksum })
    }
}

impl SectionTable {
    /// The section of this kind.
    pub(crate) fn section(&self, kind: PageKind) -> Result<&Section, Fault> {
        self.sections
            .iter()
            .find(|section| section.kind == kind as u8)
            .ok_or_else(|| Fault::content(&format!("a section of {kind:?}")))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES + self.sections.len() * SECTION_BYTES);
        out.extend_from_slice(&MAGIC);
        let features = Features::WRITTEN;
        let count = u32::try_from(self.sections.len()).expect("a run has eight sections");
        out.extend_from_slice(&features.version.to_le_bytes());
        out.extend_from_slice(&count.to_le_bytes());
        for wide in [features.compatible, features.incompatible, features.key, self.salt] {
            out.extend_from_slice(&wide.to_le_bytes());
        }
        out.extend_from_slice(self.table.as_bytes());
        for wide in [self.first.get(), self.last.get()] {
            out.extend_from_slice(&wide.to_le_bytes());
        }
        for word in [self.shard.get(), self.event_count, self.partition_count, 0] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&[0; 16]);
        for section in &self.sections {
            // The second byte says that a reader must know the section; all of version 1's are such.
            out.extend_from_slice(&[section.kind, 1, 0, 0]);
            out.extend_from_slice(&section.content_length.to_le_bytes());
            out.extend_from_slice(&section.offset.to_le_bytes());
            out.extend_from_slice(&section.length.to_le_bytes());
            out.extend_from_slice(&section.checksum.to_le_bytes());
            out.extend_from_slice(&[0; 4]);
        }
        out
    }

    /// Reads a directory whose digest was checked, and checks that it is the one of the run that `summary` tells of.
    pub(crate) fn decode(bytes: &[u8], summary: &RunSummary) -> Result<Self, SectionTableFault> {
        let (features, directory) = parse(bytes)?;
        if let Some(newer) = features.beyond_us() {
            return Err(SectionTableFault::Newer(newer));
        }
        let Self { table, shard, first, last, event_count, partition_count, salt, .. } = directory;
        let told = (summary.table, summary.shard, summary.first, summary.last);
        let counts = (summary.event_count, summary.partition_count, summary.salt);
        if (table, shard, first, last) != told || (event_count, partition_count, salt) != counts {
            let expected = format!("the directory of the run {told:?}");
            let found = format!("the directory of {:?}", (table, shard, first, last));
            return Err(SectionTableFault::Damaged(Fault::new(0, expected, found)));
        }
        directory.check_sections(summary)?;
        Ok(directory)
    }

    /// Sections lie one after another from the run's first byte up to the directory, in the order of their kinds.
    fn check_sections(&self, summary: &RunSummary) -> Result<(), SectionTableFault> {
        if let Some(pair) = self.sections.windows(2).find(|pair| pair[0].kind >= pair[1].kind) {
            let found = format!("kind {} before kind {}", pair[0].kind, pair[1].kind);
            return Err(SectionTableFault::Damaged(Fault::new(0, "sections in the order of their kinds", found)));
        }
        let mut end = 0_u64;
        for section in &self.sections {
            if section.offset != end {
                let found = format!("one at {}", section.offset);
                return Err(SectionTableFault::Damaged(Fault::new(0, format!("a section at {end} of the run"), found)));
            }
            end = end.saturating_add(section.length);
        }
        let expected = summary.length - u64::from(summary.directory_length);
        if end == expected {
            return Ok(());
        }
        let expected = format!("sections up to {expected} of the run");
        Err(SectionTableFault::Damaged(Fault::new(0, expected, format!("sections up to {end}"))))
    }
}

fn parse(bytes: &[u8]) -> Result<(Features, SectionTable), SectionTableFault> {
    let mut fields = Fields(bytes);
    if fields.bytes(MAGIC.len()) != Some(&MAGIC) {
        return Err(SectionTableFault::Damaged(Fault::new(0, "the magic of a run's directory", "something else")));
    }
    let cut = || SectionTableFault::Damaged(Fault::content("a directory's header and as many sections as it says"));
    let (features, count, mut directory) = parse_header(&mut fields).ok_or_else(cut)?;
    if features.beyond_us().is_some() {
        return Ok((features, directory));
    }
    if count.checked_mul(SECTION_BYTES) != Some(fields.0.len()) {
        return Err(cut());
    }
    for _ in 0..count {
        let (kind, must_know, section) = parse_section(&mut fields).ok_or_else(cut)?;
        if must_know && PageKind::from_number(kind).is_none() {
            return Err(SectionTableFault::Newer(format!("sections of kind {kind}, which this version does not know")));
        }
        directory.sections.push(section);
    }
    Ok((features, directory))
}

fn parse_header(fields: &mut Fields<'_>) -> Option<(Features, usize, SectionTable)> {
    let (version, count) = (fields.u32()?, fields.u32()?);
    let features = Features { version, compatible: fields.u64()?, incompatible: fields.u64()?, key: fields.u64()? };
    let salt = fields.u64()?;
    let table = fields.table()?;
    let (first, last) = (fields.sequence()?, fields.sequence()?);
    let (shard, event_count, partition_count) = (Shard::new(fields.u32()?), fields.u32()?, fields.u32()?);
    let zeros = fields.bytes(20)?;
    let directory =
        SectionTable { table, shard, first, last, event_count, partition_count, salt, sections: Vec::new() };
    // Bytes that a later version uses come with a feature bit; without one they must be zero.
    (features.beyond_us().is_some() || zeros.iter().all(|&byte| byte == 0)).then_some((
        features,
        count as usize,
        directory,
    ))
}

fn parse_section(fields: &mut Fields<'_>) -> Option<(u8, bool, Section)> {
    let (kind, must_know, zero) = (fields.u8()?, fields.u8()?, fields.u16()?);
    let content_length = fields.u32()?;
    let section =
        Section { kind, content_length, offset: fields.u64()?, length: fields.u64()?, checksum: fields.u32()? };
    (must_know <= 1 && zero == 0 && fields.u32()? == 0).then_some((kind, must_know == 1, section))
}
