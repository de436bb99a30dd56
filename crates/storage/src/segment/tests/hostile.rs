//! Content that breaks the format under checksums that hold is refused. It never panics and never asks for memory
//! that its size does not justify.

use std::sync::LazyLock;

use annals_model::{CommitTime, EventTime, Sequence, Shard, Token};
use proptest::prelude::*;

use super::support::{TestEvent, TestStore, events};
use crate::segment::layout::batches::BatchTable;
use crate::segment::layout::block::Block;
use crate::segment::layout::footer::HEADER_BYTES;
use crate::segment::layout::hours::Hours;
use crate::segment::layout::key_filter::KeyFilter;
use crate::segment::layout::page::{self, PAGE_HEADER_BYTES, PageHeader, PageKind};
use crate::segment::layout::partitions::{PartitionIndex, Partitions};
use crate::segment::layout::permutation::Permutation;
use crate::segment::layout::row_index::RowIndex;
use crate::segment::layout::section_table::SectionTable;
use crate::segment::read::cache::Access;
use crate::segment::{RunSummary, SegmentSummary};

/// The contents of a run's pages, and its directory.
struct Contents {
    run: RunSummary,
    pages: Vec<(PageKind, Vec<u8>)>,
    directory: Vec<u8>,
}

static CONTENTS: LazyLock<Contents> = LazyLock::new(contents);

fn contents() -> Contents {
    let store = TestStore::new();
    // Near the end of all sequences, where sums overflow first.
    let list: Vec<TestEvent> = events(1..=60, 7, 3)
        .into_iter()
        .map(|event| TestEvent::new(&event.key, event.time, u64::MAX - 100 + event.sequence, 3))
        .collect();
    let summary = store.write(1, &[list]);
    let run = summary.runs[0].clone();
    let bytes = &store.file(1)[HEADER_BYTES..usize::try_from(summary.footer_offset).expect("small")];
    let (mut rest, directory) = bytes.split_at(bytes.len() - run.directory_length as usize);
    let mut pages = Vec::new();
    while let Some(header) = PageHeader::parse(rest) {
        let (page, behind) = rest.split_at(usize::try_from(header.page_length()).expect("small"));
        let content = page::content(&header, &page[PAGE_HEADER_BYTES..]).expect("sound");
        pages.push((PageKind::from_number(header.kind).expect("known"), content));
        rest = behind;
    }
    Contents { run, pages, directory: directory.to_vec() }
}

/// Decodes content as its reader would, and asks what was decoded what readers ask.
fn read(kind: PageKind, content: Vec<u8>, run: &RunSummary) -> bool {
    let (first, count) = (run.first, run.event_count);
    let token = Token::of(b"key-1");
    let order = (token, &b"key-1"[..], EventTime::MIN, Sequence::ZERO);
    match kind {
        PageKind::Rows => Block::decode(content, first, count)
            .map(|block| {
                for position in [order, block.row(block.len() / 2).order()] {
                    let found = block.lower_bound(position);
                    (0..block.len()).for_each(|row| assert_eq!(block.lower_bound_after(row, position), found.max(row)));
                }
                (0..block.len()).for_each(|row| {
                    let event = block.stored(row, Shard::ZERO, CommitTime::MIN);
                    assert_eq!((event.key(), &*event.bytes), (block.row(row).key(), block.row(row).event));
                });
            })
            .is_ok(),
        PageKind::Permutation => Permutation::decode(&content, count).map(|rows| rows.row(count)).is_ok(),
        PageKind::Partitions => {
            Partitions::decode(content, first, count).map(|page| page.find(token, b"key-1").cloned()).is_ok()
        }
        PageKind::Batches => BatchTable::decode(&content, first, count)
            .map(|table| {
                assert!(table.iter().count() == table.len());
                [first, run.last, Sequence::ZERO, Sequence::MAX].map(|sequence| table.commit_time(sequence))
            })
            .is_ok(),
        PageKind::Hours => Hours::decode(&content).map(|hours| hours.covers(EventTime::MIN)).is_ok(),
        PageKind::PartitionIndex => {
            PartitionIndex::decode(content, 0, run.partition_count).map(|index| index.find(token, b"key-1")).is_ok()
        }
        PageKind::KeyFilter => KeyFilter::decode(&content).map(|filter| filter.may_hold(token)).is_ok(),
        PageKind::RowIndex => {
            RowIndex::decode(&content, first, count).map(|index| (index.find(order), index.find_row(count))).is_ok()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn broken_content_is_refused_and_never_panics(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let Contents { run, pages, directory } = &*CONTENTS;
        let broken = |mut bytes: Vec<u8>| {
            for (at, byte) in &edits {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            if let Some(cut) = &cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            bytes
        };
        for (kind, content) in pages {
            prop_assert!(read(*kind, content.clone(), run), "{} is sound", kind);
            let is_cut = cut.is_some();
            prop_assert!(!read(*kind, broken(content.clone()), run) || !is_cut, "{} was cut and read", kind);
        }
        prop_assert!(SectionTable::decode(directory, run).is_ok());
        prop_assert!(SectionTable::decode(&broken(directory.clone()), run).is_err() || cut.is_none());
    }
}

#[test]
fn counts_that_the_bytes_cannot_hold_are_refused_before_anything_is_allocated() {
    let Contents { run, pages, .. } = &*CONTENTS;
    for (kind, content) in pages.iter().filter(|(kind, _)| *kind != PageKind::Permutation) {
        let mut content = content.clone();
        content[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(!read(*kind, content, run), "{kind}");
    }
}

#[test]
fn a_summary_that_points_outside_its_file_is_damage_and_no_panic() {
    let store = TestStore::new();
    let sound = store.write(1, &[events(1..=60, 7, 3)]);
    let wrong: [fn(&mut RunSummary); 5] = [
        |run| run.offset += 1 << 40,
        |run| run.length += 10,
        |run| run.tail_length /= 2,
        |run| run.salt ^= 1,
        |run| run.event_count = u32::MAX,
    ];
    for change in wrong {
        let mut summary: SegmentSummary = sound.clone();
        change(&mut summary.runs[0]);
        let run = &store.cold().runs(&summary)[0];
        assert!(run.arrivals(Access::Read).is_err(), "{:?}", run.summary());
        assert!(!store.segments.verify(&summary).findings.is_empty());
    }
}
