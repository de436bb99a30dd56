//! Copies a run into another file as it is, without decoding it.
//!
//! Positions in a run count from its first byte and its checksums cover its own salt, so the copy verifies like the
//! original. Each page is checked on the way: damage is found while the original is still there.

use crate::digest::Digest;
use crate::segment::layout::error::{Fault, WriteError};
use crate::segment::layout::summary::RunSummary;
use crate::segment::read::run::Run;
use crate::segment::read::run_pages::read_pages;
use crate::segment::write::writer::Writer;

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
