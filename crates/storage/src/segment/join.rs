//! Copies a run into another file as it is, without decoding it.
//!
//! Positions in a run count from its first byte and its checksums cover its own salt, so the copy verifies like the
//! original. Each page is checked on the way: damage is found while the original is still there.

use super::error::{Fault, ReadError, WriteError};
use super::page;
use super::page::PAGE_HEADER_BYTES;
use super::run::Run;
use super::summary::RunSummary;
use super::writer::Writer;
use crate::digest::Digest;

/// How much is read at a time; a longer page is read whole.
const COPY_BYTES: u64 = 1024 * 1024;

impl Writer {
    /// Copies a run, byte for byte. What it holds in memory is some MiB.
    ///
    /// # Errors
    /// When the run cannot be read or is damaged; when the disk refuses.
    pub fn copy_run(&mut self, run: &Run) -> Result<(), WriteError> {
        self.check_no_open_run()?;
        self.set_run_open();
        let offset = self.length();
        let pages_end = run.pages_end();
        let mut at = 0;
        while at < pages_end {
            let (bytes, pages_length) = read_pages(run, at, pages_end)?;
            self.put_bytes(&bytes[..pages_length])?;
            at += pages_length as u64;
        }
        let directory = run.read(pages_end, run.summary().directory_length as usize)?;
        let digest = Digest::of(&directory);
        if digest != run.summary().directory_digest {
            let expected = format!("a directory with the digest {}", run.summary().directory_digest);
            let fault = Fault::new(0, expected, format!("one with {digest}"));
            return Err(run.damage(pages_end, fault).into());
        }
        self.put_bytes(&directory)?;
        self.close_run(RunSummary { offset, ..run.summary().clone() });
        Ok(())
    }
}

/// Reads from `at` of the run on; gives what was read and how much of it is whole, checked pages: at least one.
pub(super) fn read_pages(run: &Run, at: u64, pages_end: u64) -> Result<(Vec<u8>, usize), ReadError> {
    let narrow = |length: u64| usize::try_from(length).expect("runs are far smaller than memory can be addressed");
    let mut bytes = run.read(at, narrow((pages_end - at).min(COPY_BYTES)))?;
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
