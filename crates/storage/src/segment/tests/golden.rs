//! The bytes of a small segment, as `FORMAT.md` describes them. They change only with the format's version.

use std::fmt::Write;

use super::support::{TestEvent, TestStore, store_id};
use crate::segment::layout::footer::HEADER_BYTES;
use crate::segment::layout::page::{self, PAGE_HEADER_BYTES, PageHeader};
use crate::segment::{SegmentFile, SegmentSummary};

/// One event, so small that no page of its run is worth compressing: a new release of zstd changes nothing here.
fn written() -> (TestStore, SegmentSummary) {
    let store = TestStore::new();
    let event = TestEvent::new("k", 0x0102_0304_0506_0708, 0x1122_3344, 0);
    let summary = store.write(0x2a, &[vec![event]]);
    (store, summary)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
        hex
    })
}

#[test]
fn the_bytes_of_a_segment_are_those_of_the_format() {
    let (store, summary) = written();
    let bytes = store.file(0x2a);
    let run = &summary.runs[0];
    let mut parts = vec![format!("header {}", hex(&bytes[..HEADER_BYTES]))];
    let directory_at = HEADER_BYTES + usize::try_from(run.length).expect("small") - run.directory_length as usize;
    let mut at = HEADER_BYTES;
    while at < directory_at {
        let header = PageHeader::parse(&bytes[at..]).expect("a page");
        let end = at + usize::try_from(header.page_length()).expect("small");
        let header = page::check(&bytes[at..end], run.salt, (at - HEADER_BYTES) as u64).expect("sound");
        let content = page::content(&header, &bytes[at + PAGE_HEADER_BYTES..end]).expect("sound");
        parts.push(format!("{} {}", hex(&bytes[at..at + PAGE_HEADER_BYTES]), hex(&content)));
        at = end;
    }
    let footer_at = usize::try_from(summary.footer_offset).expect("small");
    parts.push(format!("directory {}", hex(&bytes[directory_at..footer_at])));
    parts.push(format!("footer {}", hex(&bytes[footer_at..])));
    assert_eq!(parts, include_str!("golden.txt").lines().collect::<Vec<_>>());
}

#[test]
fn a_segment_describes_itself_as_the_manifest_does() {
    let (store, summary) = written();
    let path = store.segments.path(summary.id);
    let file = SegmentFile::read(&*store.disk, &path).expect("whole");
    assert_eq!((file.store, file.id(), &file.summary), (store_id(), summary.id, &summary));
    assert_eq!(SegmentSummary::decode(&summary.encode()), Some(summary));
}

#[test]
fn an_inspection_tells_of_every_part() {
    let (store, summary) = written();
    let shown = store.segments.inspect(&summary).expect("reads").to_string();
    for part in ["1 events of 1 partitions in 1 batches", "row index: 1 pages", "1 stretches of hours"] {
        assert!(shown.contains(part), "{part:?} in\n{shown}");
    }
}
