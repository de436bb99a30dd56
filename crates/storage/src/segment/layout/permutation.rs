//! The permutation of a run: for each of its sequences the number of its row.

use crate::segment::layout::error::Fault;

/// Rows by sequence.
#[derive(Debug)]
pub(crate) struct Permutation(Box<[u32]>);

impl Permutation {
    pub(crate) fn decode(content: &[u8], event_count: u32) -> Result<Self, Fault> {
        let rows: Box<[u32]> =
            content.chunks_exact(4).map(|row| u32::from_le_bytes(row.try_into().expect("chunks of four"))).collect();
        if content.len() != event_count as usize * 4 || rows.iter().any(|&row| row >= event_count) {
            return Err(Fault::content("a row of the run for each of its sequences"));
        }
        Ok(Self(rows))
    }

    /// The row of the event that lies `delta` behind the run's first.
    pub(crate) fn row(&self, delta: u32) -> Option<u32> {
        self.0.get(delta as usize).copied()
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.0)
    }
}
