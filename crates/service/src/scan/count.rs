//! Counts what a scan would return.

use annals_engine::{CountedScan, Engine, PageBounds, ReadError};
use annals_model::{Fault, PartitionKey};

use super::bound_scan::BoundScan;
use crate::{Service, faults};

/// Events and partitions of the scan. Its `limit` counts as it does for the scan.
///
/// # Errors
/// As the scan.
pub(super) async fn count<E: Engine>(service: &Service<E>, scan: &BoundScan) -> Result<CountedScan, Fault> {
    let bounds = service.full_bounds();
    if scan.limit.is_some() || scan.after.is_some() {
        return count_pages(service, scan, bounds).await;
    }
    let mut counted = service.engine.count(scan.read(None, bounds)).await;
    let mut again = scan.clone();
    if matches!(counted, Err(ReadError::ScanExpired { .. })) && again.renew(service)? {
        counted = service.engine.count(again.read(None, bounds)).await;
    }
    counted.map_err(|error| faults::of_read(&error, &scan.table.definition.name))
}

/// Reads what a part of a scan would return, and counts it: an index can't tell where a limit ends.
async fn count_pages<E: Engine>(
    service: &Service<E>,
    scan: &BoundScan,
    bounds: PageBounds,
) -> Result<CountedScan, Fault> {
    let mut counted = CountedScan::default();
    let mut last: Option<PartitionKey> = None;
    let mut after = scan.after.clone();
    loop {
        let remaining = scan.limit.map_or(u64::MAX, |limit| limit - counted.events);
        let events_max = bounds.events_max.min(usize::try_from(remaining).unwrap_or(usize::MAX));
        let read = scan.read(after, PageBounds { events_max, ..bounds });
        let page = service.engine.read_partitions(read).await;
        let page = page.map_err(|error| faults::of_read(&error, &scan.table.definition.name))?;
        counted.events += page.events.len() as u64;
        for event in &page.events {
            if last.as_ref().is_none_or(|key| key.as_bytes() != event.key()) {
                let key = PartitionKey::new(event.bytes.slice_ref(event.key())).expect("a stored key was checked");
                counted.partitions += 1;
                last = Some(key);
            }
        }
        after = page.next;
        if after.is_none() || scan.limit == Some(counted.events) {
            return Ok(counted);
        }
    }
}
