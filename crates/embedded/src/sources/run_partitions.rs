//! The partitions of a run as a source of a merge: which there are, with counts and bounds, without their events.

use std::sync::Arc;

use annals_model::{Token, TokenRange};
use annals_storage::segment::Access;
use annals_storage::segment::{PartitionCursor as StoredPartitions, RunPartition};

use super::SourceError;
use crate::merge::PartitionCursor;
use crate::runs::LiveRun;

/// A cursor over the partitions of a run.
#[derive(Debug)]
pub(crate) struct RunPartitions {
    run: Arc<LiveRun>,
    tokens: TokenRange,
    access: Access,
    stored: Option<StoredPartitions>,
}

impl RunPartitions {
    /// A cursor over the partitions with these tokens.
    pub(crate) fn new(run: &Arc<LiveRun>, tokens: TokenRange, access: Access) -> Self {
        Self { run: Arc::clone(run), tokens, access, stored: None }
    }

    /// The run.
    pub(crate) fn run(&self) -> &LiveRun {
        &self.run
    }

    /// How the run is read.
    pub(crate) fn access(&self) -> Access {
        self.access
    }

    /// What the run knows of the partition under the cursor.
    pub(crate) fn stored_partition(&self) -> Option<&RunPartition> {
        self.stored.as_ref()?.partition().filter(|partition| partition.token <= self.tokens.last)
    }
}

impl PartitionCursor for RunPartitions {
    type Error = SourceError;

    fn seek(&mut self, token: Token, key: &[u8]) -> Result<(), SourceError> {
        let mut stored = self.run.stored().partitions(self.access)?;
        stored.seek(token, key, self.access)?;
        self.stored = Some(stored);
        Ok(())
    }

    fn partition(&self) -> Option<(Token, &[u8])> {
        self.stored_partition().map(|partition| (partition.token, &*partition.key))
    }

    fn leave(&mut self) -> Result<(), SourceError> {
        match &mut self.stored {
            Some(stored) => Ok(stored.advance(self.access)?),
            None => Ok(()),
        }
    }
}
