//! Cuts a scan into splits: scans of one moment that together return each of its events once.
//!
//! A scan over all partitions, or over slices, is cut along the hash space, so that a partition lies in one split; one
//! that names partitions is cut along its list of keys.

use std::ops::Range;

use annals_engine::{Engine, PartitionSelection, SizeEstimate};
use annals_model::limits::HASH_SLICES_MAX;
use annals_model::{Fault, HashSlices, PartitionKey};
use bytes::Bytes;

use super::bound_scan::BoundScan;
use super::request::ScanRequest;
use crate::{Caller, Service, faults};

/// What a caller asks to have cut.
#[derive(Clone, Debug)]
pub struct PlanRequest {
    /// The scan.
    pub scan: ScanRequest,
    /// At most so many splits; 0 leaves it to the service.
    pub max_splits: u32,
}

/// A scan that was cut.
#[derive(Clone, Debug)]
pub struct ScanPlan {
    /// Its splits, at least one. Each is the scan that was asked for, but for its part and its `as_of`.
    pub splits: Vec<ScanSplit>,
    /// The `as_of` of every split; also the token from which a tail delivers what the scan does not hold.
    pub resume_token: Bytes,
}

/// One of the scans that a scan was cut into.
#[derive(Clone, Debug)]
pub struct ScanSplit {
    /// What it reads.
    pub part: SplitPart,
    /// About how many events that is.
    pub estimated_events: u64,
    /// About how many bytes of events.
    pub estimated_bytes: u64,
}

/// What a split reads of its scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SplitPart {
    /// These slices, in the place of the scan's.
    Slices(HashSlices),
    /// The scan's partition keys at these places.
    Keys(Range<usize>),
}

/// See [`Service::plan_scan`].
pub(super) async fn plan<E: Engine>(
    service: &Service<E>,
    caller: &Caller,
    plan: PlanRequest,
) -> Result<ScanPlan, Fault> {
    let PlanRequest { scan: request, max_splits } = plan;
    if request.limit.is_some_and(|limit| limit > 0) {
        return Err(faults::invalid("scan.limit", "a limit can't be split; leave it out, or scan without a plan"));
    }
    if !request.page_token.is_empty() {
        return Err(faults::invalid("scan.page_token", "a page token belongs to one reader; plan the scan afresh"));
    }
    let scan = BoundScan::new(service, caller, request)?;
    scan.check_whole(service)?;
    let splits = match &scan.selection {
        PartitionSelection::Slices(slices) => {
            let count = split_count(service, &scan, slices, max_splits).await?;
            split_slices(service, &scan, slices, count).await?
        }
        PartitionSelection::Keys(keys) => split_keys(service, &scan, keys, max_splits).await?,
    };
    Ok(ScanPlan { splits, resume_token: scan.resume_token() })
}

/// How many splits there should be: as many as the client takes, or so many that each has its share of bytes.
async fn split_count<E: Engine>(
    service: &Service<E>,
    scan: &BoundScan,
    slices: &HashSlices,
    asked: u32,
) -> Result<u32, Fault> {
    let most = service.limits.splits_max;
    if asked > 0 {
        return Ok(asked.min(most));
    }
    let size = estimate(service, scan, slices).await?;
    let wanted = size.bytes.div_ceil(service.limits.split_bytes.max(1)).clamp(1, u64::from(most));
    Ok(u32::try_from(wanted).expect("at most splits_max, which is a u32"))
}

async fn split_slices<E: Engine>(
    service: &Service<E>,
    scan: &BoundScan,
    slices: &HashSlices,
    count: u32,
) -> Result<Vec<ScanSplit>, Fault> {
    let mut splits = Vec::new();
    for part in cut(slices, count) {
        let size = estimate(service, scan, &part).await?;
        splits.push(ScanSplit {
            part: SplitPart::Slices(part),
            estimated_events: size.events,
            estimated_bytes: size.bytes,
        });
    }
    Ok(splits)
}

/// Cuts slices into at most `count` parts. Where there are fewer slices than parts each is cut finer: slice i of c is
/// slices i·k to i·k + k - 1 of c·k.
fn cut(slices: &HashSlices, count: u32) -> Vec<HashSlices> {
    let present = u32::try_from(slices.indexes().len()).expect("there are at most 65,536 slices");
    let finer = (count / present).clamp(1, HASH_SLICES_MAX / slices.count());
    let refine = |index: u32| (index * finer)..((index + 1) * finer);
    let indexes: Vec<u32> = slices.indexes().iter().copied().flat_map(refine).collect();
    let parts = (count as usize).min(indexes.len());
    let start = |part: usize| part * indexes.len() / parts;
    let part = |part: usize| {
        let indexes = indexes[start(part)..start(part + 1)].to_vec();
        HashSlices::new(slices.count() * finer, indexes).expect("finer slices of checked ones, at least one a part")
    };
    (0..parts).map(part).collect()
}

async fn estimate<E: Engine>(
    service: &Service<E>,
    scan: &BoundScan,
    slices: &HashSlices,
) -> Result<SizeEstimate, Fault> {
    let estimate = service.engine.estimate(scan.table.id, slices, scan.times).await;
    estimate.map_err(|error| faults::of_read(&error, &scan.table.definition.name))
}

async fn split_keys<E: Engine>(
    service: &Service<E>,
    scan: &BoundScan,
    keys: &[PartitionKey],
    asked: u32,
) -> Result<Vec<ScanSplit>, Fault> {
    let name = &scan.table.definition.name;
    let table = estimate(service, scan, &HashSlices::all()).await?;
    let mean_bytes = table.bytes.checked_div(table.events).unwrap_or(0);
    let mut events = Vec::with_capacity(keys.len());
    for key in keys {
        let stats = service.engine.partition_stats(scan.table.id, key).await;
        let stats = stats.map_err(|error| faults::of_read(&error, name))?;
        events.push(stats.map_or(0, |stats| stats.event_count));
    }
    let total_bytes = events.iter().sum::<u64>().saturating_mul(mean_bytes);
    let most = u64::from(service.limits.splits_max).min(keys.len() as u64);
    let wanted = if asked > 0 { u64::from(asked) } else { total_bytes.div_ceil(service.limits.split_bytes.max(1)) };
    let parts = usize::try_from(wanted.clamp(1, most)).expect("at most splits_max, which is a u32");
    let start = |part: usize| part * keys.len() / parts;
    let split = |part: usize| {
        let range = start(part)..start(part + 1);
        let estimated_events = events[range.clone()].iter().sum::<u64>();
        ScanSplit {
            part: SplitPart::Keys(range),
            estimated_events,
            estimated_bytes: estimated_events.saturating_mul(mean_bytes),
        }
    };
    Ok((0..parts).map(split).collect())
}

#[cfg(test)]
mod tests {
    use annals_model::Token;

    use super::*;

    #[test]
    fn the_parts_of_slices_hold_each_token_of_theirs_once() {
        let cases = [(1, vec![0]), (4, vec![1, 3]), (3, vec![0, 1, 2]), (65_536, vec![7, 9]), (10_000, vec![1, 2, 3])];
        for (slice_count, indexes) in cases {
            let slices = HashSlices::new(slice_count, indexes).expect("slices");
            for count in [1, 2, 3, 5, 16, 1000] {
                let parts = cut(&slices, count);
                assert!((1..=count as usize).contains(&parts.len()), "{slices:?} in {count}");
                for step in 0_i64..4096 {
                    let token = Token::new(i64::MIN.wrapping_add(step << 52));
                    let holding = parts.iter().filter(|part| part.contains(token)).count();
                    assert_eq!(holding, usize::from(slices.contains(token)), "{slices:?} in {count}: {token}");
                }
            }
        }
    }
}
