//! Walks all pages of a run, also behind bad ones: a page says whose it is and where it lies, so that the next one is
//! found again without an index.

use crate::segment::layout::error::ReadError;
use crate::segment::layout::page::{PAGE_HEADER_BYTES, PageHeader};
use crate::segment::read::run::Run;
use crate::segment::read::run_pages::read_pages;

/// How much is looked through at a time for the next page.
const SEARCH_BYTES: usize = 1024 * 1024;

/// Checks each page of a run by its own checksum and place, and adds a finding for each stretch that is not pages. Says
/// whether all of it is.
pub(crate) fn check_pages(run: &Run, findings: &mut Vec<ReadError>) -> bool {
    let (pages_end, found_before) = (run.pages_end(), findings.len());
    let mut at = 0;
    while at < pages_end {
        match read_pages(run, at, pages_end) {
            Ok((_, length)) => at += length as u64,
            Err(finding) => {
                let bad = match &finding {
                    ReadError::Damage(damage) => damage.offset.saturating_sub(run.summary().offset).max(at),
                    _ => at,
                };
                findings.push(finding);
                at = next_page(run, bad + 1, pages_end);
            }
        }
    }
    findings.len() == found_before
}

/// Where the next page after a bad place begins, or the end. What cannot be read is passed over: it was told.
fn next_page(run: &Run, mut from: u64, pages_end: u64) -> u64 {
    let wanted = |header: &PageHeader, at| header.is_of(run.summary().salt, at);
    while from + (PAGE_HEADER_BYTES as u64) <= pages_end {
        let length = usize::try_from(pages_end - from).map_or(SEARCH_BYTES, |left| left.min(SEARCH_BYTES));
        let bytes = run.read(from, length).unwrap_or_default();
        let headers = (from..).zip(bytes.windows(PAGE_HEADER_BYTES));
        let mut found = headers.filter_map(|(at, bytes)| Some((at, PageHeader::parse(bytes)?)));
        if let Some((at, _)) = found.find(|(at, header)| wanted(header, *at)) {
            return at;
        }
        // A header may reach over the end of what was read.
        from += (length - PAGE_HEADER_BYTES + 1) as u64;
    }
    pages_end
}
