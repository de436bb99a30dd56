//! The pages of a scan, one at a time, each read when it is taken.

use std::sync::Arc;

use annals_engine::{Engine, PageBounds, ReadError};
use annals_model::{Fault, ScanPosition, StoredEvent};
use bytes::Bytes;
use futures_util::stream::{self, Stream};

use super::bound_scan::BoundScan;
use crate::projection::projected;
use crate::{Service, faults};

/// One page of a scan.
#[derive(Clone, Debug)]
pub struct ScanPage {
    /// Partition by partition, in time order within each.
    pub events: Vec<StoredEvent>,
    /// With which the scan goes on after them; empty if nothing is left.
    pub next_page_token: Bytes,
    /// From which a tail delivers what the scan did not hold; on the first and the last page of a call.
    pub resume_token: Bytes,
}

struct Pages<E> {
    service: Arc<Service<E>>,
    scan: BoundScan,
    after: Option<ScanPosition>,
    remaining: Option<u64>,
    is_first: bool,
}

/// The pages of a scan; at least one.
pub(super) fn pages<E: Engine>(
    service: Arc<Service<E>>,
    scan: BoundScan,
) -> impl Stream<Item = Result<ScanPage, Fault>> + Send {
    let pages = Pages { service, after: scan.after.clone(), remaining: scan.limit, is_first: true, scan };
    stream::unfold(Some(pages), |pages| async move {
        let mut pages = pages?;
        pages.service.pace().await;
        match pages.next_page().await {
            Ok((page, is_last)) => Some((Ok(page), (!is_last).then_some(pages))),
            Err(fault) => Some((Err(fault), None)),
        }
    })
}

impl<E: Engine> Pages<E> {
    /// The next page, and whether it is the last of this call.
    async fn next_page(&mut self) -> Result<(ScanPage, bool), Fault> {
        let after = self.after.take();
        let mut page = self.service.engine.read_partitions(self.scan.read(after.clone(), self.bounds())).await;
        // Once: retention that overtakes the second moment as well is the client's to wait for.
        if self.is_first && matches!(page, Err(ReadError::ScanExpired { .. })) && self.scan.renew(&self.service)? {
            page = self.service.engine.read_partitions(self.scan.read(after, self.bounds())).await;
        }
        let page = page.map_err(|error| faults::of_read(&error, &self.scan.table.definition.name))?;
        if let Some(remaining) = &mut self.remaining {
            *remaining = remaining.saturating_sub(page.events.len() as u64);
        }
        let is_last = page.next.is_none() || self.remaining == Some(0);
        let has_tokens = std::mem::replace(&mut self.is_first, false) || is_last;
        let given = ScanPage {
            events: projected(page.events, self.scan.projection.as_ref())?,
            next_page_token: page.next.clone().map_or_else(Bytes::new, |position| self.scan.page_token(position)),
            resume_token: if has_tokens { self.scan.resume_token() } else { Bytes::new() },
        };
        self.after = page.next;
        Ok((given, is_last))
    }

    fn bounds(&self) -> PageBounds {
        let bounds = self.service.page_bounds();
        let remaining = self.remaining.and_then(|remaining| usize::try_from(remaining).ok()).unwrap_or(usize::MAX);
        PageBounds { events_max: bounds.events_max.min(remaining), ..bounds }
    }
}
