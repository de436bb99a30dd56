//! Reads a run's pages one after another as they are stored, each checked and none decoded.

use crate::segment::layout::error::{Fault, ReadError};
use crate::segment::layout::page::{self, PAGE_HEADER_BYTES};
use crate::segment::read::run::Run;

/// How much is read at a time; a longer page is read whole.
const READ_BYTES: u64 = 1024 * 1024;

/// Reads from `at` of the run on; gives what was read and how much of it is whole, checked pages: at least one.
pub(crate) fn read_pages(run: &Run, at: u64, pages_end: u64) -> Result<(Vec<u8>, usize), ReadError> {
    let narrow = |length: u64| usize::try_from(length).expect("runs are far smaller than memory can be addressed");
    let mut bytes = run.read(at, narrow((pages_end - at).min(READ_BYTES)))?;
    let mut checked = 0_usize;
    loop {
        let here = at + checked as u64;
        let rest = &bytes[checked..];
        let Some(header) = page::PageHeader::parse(rest) else { break };
        let length = header.page_length();
        if length > pages_end - here {
            let expected = format!("a page that ends within the {} bytes that are left of the run", pages_end - here);
            return Err(run.damage(here, Fault::new(4, expected, format!("one of {length} bytes"))));
        }
        if length > rest.len() as u64 {
            if checked > 0 {
                break;
            }
            bytes = run.read(at, narrow(length))?;
            continue;
        }
        let length = narrow(length);
        page::check(&rest[..length], run.summary().salt, here).map_err(|fault| run.damage(here, fault))?;
        checked += length;
    }
    if checked > 0 {
        return Ok((bytes, checked));
    }
    let found = format!("{} bytes before the directory", bytes.len());
    Err(run.damage(at, Fault::new(0, format!("a page, which has at least {PAGE_HEADER_BYTES} bytes"), found)))
}
