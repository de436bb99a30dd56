//! Goes through the partitions of a run, in the order of (token, key).

use std::sync::Arc;

use annals_model::Token;

use crate::segment::layout::error::ReadError;
use crate::segment::layout::partitions::{PartitionIndex, Partitions, RunPartition};
use crate::segment::read::cache::Access;
use crate::segment::read::run::Run;

/// A place among the partitions of a run. Holds one page, and the index of all.
#[derive(Debug)]
pub struct PartitionCursor {
    run: Run,
    index: Arc<PartitionIndex>,
    page: Option<Arc<Partitions>>,
    page_number: usize,
    at: usize,
}

impl PartitionCursor {
    pub(crate) fn open(run: Run, index: Arc<PartitionIndex>, access: Access) -> Result<Self, ReadError> {
        let page = Some(run.partitions_page(&index, 0, access)?);
        Ok(Self { run, index, page, page_number: 0, at: 0 })
    }

    /// The partition that the cursor stands at; none behind the last.
    pub fn partition(&self) -> Option<&RunPartition> {
        self.page.as_ref()?.list().get(self.at)
    }

    /// Where the page with the cursor's partition lies in the run; behind the last partition, where the last page does.
    pub(crate) fn page_offset(&self) -> u64 {
        let pages = self.index.pages();
        pages.get(self.page_number).or(pages.last()).map_or(0, |page| page.page.offset)
    }

    /// Goes to the first partition at or after (`token`, `key`), wherever the cursor stands.
    ///
    /// # Errors
    /// `Miss` under `CacheOnly`, when the run cannot be read or is damaged; the cursor stays where it is then.
    pub fn seek(&mut self, token: Token, key: &[u8], access: Access) -> Result<(), ReadError> {
        let mut number = self.index.find(token, key);
        let mut page = self.run.partitions_page(&self.index, number, access)?;
        let mut at = page.list().partition_point(|partition| (partition.token, &*partition.key) < (token, key));
        if at == page.list().len() && number + 1 < self.index.pages().len() {
            (number, at) = (number + 1, 0);
            page = self.run.partitions_page(&self.index, number, access)?;
        }
        (self.page, self.page_number, self.at) = (Some(page), number, at);
        Ok(())
    }

    /// Goes to the next partition.
    ///
    /// # Errors
    /// `Miss` under `CacheOnly`, when the run cannot be read or is damaged; the cursor stays where it is then.
    pub fn advance(&mut self, access: Access) -> Result<(), ReadError> {
        let Some(page) = &self.page else { return Ok(()) };
        if self.at + 1 < page.list().len() {
            self.at += 1;
            return Ok(());
        }
        let next = self.page_number + 1;
        self.page = if next < self.index.pages().len() {
            Some(self.run.partitions_page(&self.index, next, access)?)
        } else {
            None
        };
        (self.page_number, self.at) = (next, 0);
        Ok(())
    }
}

impl Run {
    /// What the run holds of a partition; none if nothing. Reads no events.
    ///
    /// # Errors
    /// `Miss` under `CacheOnly`; when the run cannot be read or is damaged.
    pub fn partition_stats(&self, token: Token, key: &[u8], access: Access) -> Result<Option<RunPartition>, ReadError> {
        if !self.summary().may_hold_token(token) {
            return Ok(None);
        }
        let tail = self.index(access)?;
        if !tail.may_hold(token) {
            return Ok(None);
        }
        let page = self.partitions_page(&tail.partitions, tail.partitions.find(token, key), access)?;
        Ok(page.find(token, key).cloned())
    }

    /// The partitions of the run, in the order of (token, key). Reads no events.
    ///
    /// # Errors
    /// `Miss` under `CacheOnly`; when the run cannot be read or is damaged.
    pub fn partitions(&self, access: Access) -> Result<PartitionCursor, ReadError> {
        PartitionCursor::open(self.clone(), Arc::clone(&self.index(access)?.partitions), access)
    }
}
