//! Checking every byte of the segments: those that the manifest names, or, where there is no manifest to be had, each
//! file by what it says of itself.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::{Progress, Verified};
use crate::disk::Disk;
use crate::identity::StoreIdentity;
use crate::layout;
use crate::segment::CacheLimits;
use crate::segment::{SegmentFile, SegmentId, SegmentSummary, Segments};

impl Verified {
    /// Checks the segments, once the manifest was read or found to be damaged.
    pub(super) fn check_segments(&mut self, disk: &Arc<dyn Disk>, identity: &StoreIdentity, progress: Progress<'_>) {
        let directory = Path::new(layout::SEGMENTS);
        let segments = Segments::new(Arc::clone(disk), directory, identity.uuid, CacheLimits::default());
        let (mut sealed, strangers) = match segments.list() {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Default::default(),
            Err(error) => return self.unreadable(directory, error),
        };
        sealed.sort_unstable();
        self.unknown.extend(strangers.into_iter().map(|name| directory.join(name)));
        let named: Option<Vec<Arc<SegmentSummary>>> = self
            .manifest
            .as_ref()
            .map(|manifest| manifest.segments().values().map(|entry| Arc::clone(&entry.summary)).collect());
        let Some(named) = named else {
            for id in sealed {
                self.check_by_itself(&segments, &**disk, id, progress);
            }
            return;
        };
        for summary in &named {
            self.check_segment(&segments, summary, progress);
        }
        let named: BTreeSet<_> = named.iter().map(|summary| summary.id).collect();
        let unnamed = sealed.into_iter().filter(|id| !named.contains(id));
        self.unnamed.extend(unnamed.map(|id| segments.path(id)));
    }

    fn check_segment(&mut self, segments: &Arc<Segments>, summary: &SegmentSummary, progress: Progress<'_>) {
        let path = segments.path(summary.id);
        let report = segments.verify_with(summary, &mut |bytes| progress(&path, bytes));
        self.files += 1;
        self.segments += 1;
        self.bytes += report.bytes;
        self.events += report.events;
        for finding in report.findings {
            self.findings.add(finding);
        }
    }

    /// Checks a segment against its own footer.
    fn check_by_itself(&mut self, segments: &Arc<Segments>, disk: &dyn Disk, id: SegmentId, progress: Progress<'_>) {
        match SegmentFile::read(disk, &segments.path(id)) {
            Ok(file) => self.check_segment(segments, &file.summary, progress),
            Err(error) => self.findings.add(error),
        }
    }
}
