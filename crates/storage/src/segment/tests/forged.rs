//! Parts that contradict one another under checksums that all hold: what a bug would write. Verifying finds them.

use super::support::{TestEvent, TestStore, store_id};
use crate::digest::Digest;
use crate::segment::layout::footer::{self, HEADER_BYTES, Owner};
use crate::segment::layout::format::Features;
use crate::segment::layout::page::{PAGE_HEADER_BYTES, PageHeader, PageKind};
use crate::segment::{ReadError, SegmentSummary};

/// Where in a section of a run's directory the checksum stands, and how long the section is.
const SECTION_CHECKSUM_AT: usize = 24;
const SECTION_BYTES: usize = 32;

/// A segment of two events of two partitions, with a part that was changed and every checksum above it made to hold.
struct Forgery {
    store: TestStore,
    summary: SegmentSummary,
    bytes: Vec<u8>,
}

impl Forgery {
    fn new() -> Self {
        let store = TestStore::new();
        // Digits without pattern, so that no page is worth compressing and contents can be changed in place.
        let list = vec![TestEvent::new("k", 8_675_309_172_846, 1, 0), TestEvent::new("q", 3_141_592_653_589, 2, 0)];
        let summary = store.write(1, &[list]);
        let bytes = store.file(1);
        Self { store, summary, bytes }
    }

    /// Changes the content of the one page of `kind`.
    fn change_page(&mut self, kind: PageKind, change: impl FnOnce(&mut [u8])) {
        let mut at = HEADER_BYTES;
        let (header, end) = loop {
            let header = PageHeader::parse(&self.bytes[at..]).expect("a page");
            let end = at + usize::try_from(header.page_length()).expect("small");
            if header.kind == kind as u8 {
                break (header, end);
            }
            at = end;
        };
        assert_eq!(header.stored_length, header.content_length, "the page of {kind} is stored as it is");
        change(&mut self.bytes[at + PAGE_HEADER_BYTES..end]);
        let page = &mut self.bytes[at..end];
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&page[..28]), &page[PAGE_HEADER_BYTES..]).to_le_bytes();
        page[28..PAGE_HEADER_BYTES].copy_from_slice(&checksum);
        let directory = self.directory();
        let sections = directory.end - 8 * SECTION_BYTES;
        let section = sections + (usize::from(kind as u8) - 1) * SECTION_BYTES + SECTION_CHECKSUM_AT;
        self.bytes[section..section + 4].copy_from_slice(&checksum);
    }

    fn directory(&self) -> std::ops::Range<usize> {
        let end = usize::try_from(self.summary.footer_offset).expect("small");
        end - self.summary.runs[0].directory_length as usize..end
    }

    /// What verifying finds, once the directory's digest and the footer are made to hold.
    fn findings(mut self) -> Vec<String> {
        self.summary.runs[0].directory_digest = Digest::of(&self.bytes[self.directory()]);
        let owner = Owner { features: Features::WRITTEN, store: store_id(), id: self.summary.id };
        let footer = footer::encode_footer(&owner, &self.summary.runs, self.summary.footer_offset);
        self.bytes.truncate(self.directory().end);
        self.bytes.extend_from_slice(&footer);
        self.summary.footer_digest = Digest::of(&footer);
        self.store.replace_file(1, &self.bytes);
        let findings = self.store.segments.verify(&self.summary).findings;
        findings.iter().map(ReadError::to_string).collect()
    }

    /// Asserts that verifying finds this one thing.
    fn expect_found(self, words: &str) {
        let findings = self.findings();
        assert!(matches!(&findings[..], [one] if one.contains(words)), "{words:?} in {findings:?}");
    }
}

#[test]
fn a_forgery_of_nothing_verifies() {
    assert_eq!(Forgery::new().findings(), Vec::<String>::new());
}

#[test]
fn parts_that_contradict_the_rows_are_found() {
    let forged = |kind, change: fn(&mut [u8])| {
        let mut forgery = Forgery::new();
        forgery.change_page(kind, change);
        forgery
    };
    forged(PageKind::Permutation, |rows| rows.rotate_left(4)).expect_found("the permutation leads to them");
    forged(PageKind::KeyFilter, |filter| filter[4..].fill(0)).expect_found("keys that pass the run's filter");
    // The second of two stretches, from hour 2 to hour 3.
    forged(PageKind::Hours, |hours| hours[12..].copy_from_slice(&[3, 0, 0, 0, 3, 0, 0, 0]))
        .expect_found("within the run's hours");
    forged(PageKind::Batches, |batches| batches[9] ^= 1).expect_found("within the run's commit times");
    // The latest time of the first block.
    forged(PageKind::RowIndex, |index| index[28] ^= 1).expect_found("the latest time that the index gives");
}

#[test]
fn a_summary_that_contradicts_the_rows_expect_found() {
    let mut forgery = Forgery::new();
    forgery.summary.runs[0].event_bytes += 1;
    forgery.expect_found("as the manifest says");
    let mut forgery = Forgery::new();
    forgery.summary.runs[0].min_time = forgery.summary.runs[0].max_time;
    forgery.expect_found("as the manifest says");
}
