//! Cuts a scan into splits: scans of one moment that together return each of its events once.
//!
//! A scan over all partitions, or over slices, is cut along the hash space, so that a partition lies in one split; one
//! that names partitions is cut along its list of keys.

use annals_engine::{Engine, PartitionSelection, SizeEstimate};
use annals_model::limits::{HASH_SLICES_MAX, RESPONSE_BYTES_MAX};
use annals_model::{Fault, HashSlices, PartitionKey};
use annals_wire::v1::{self, PlanScanRequest, PlanScanResponse, ScanRequest, ScanSplit};
use prost::Message;

use super::request::Scan;
use crate::faults;
use crate::shared::Shared;

/// The splits of a scan, at least one.
///
/// # Errors
/// As the scan; also when it has a limit or a page token, which belong to one reader.
pub(crate) async fn plan<E: Engine>(shared: &Shared<E>, plan: PlanScanRequest) -> Result<PlanScanResponse, Fault> {
    let request = plan.scan.unwrap_or_default();
    if request.limit > 0 {
        return Err(faults::invalid("scan.limit", "a limit can't be split; leave it out, or scan without a plan"));
    }
    if !request.page_token.is_empty() {
        return Err(faults::invalid("scan.page_token", "a page token belongs to one reader; plan the scan afresh"));
    }
    let mut template = request.clone();
    let scan = Scan::new(shared, request)?;
    scan.check_whole(shared)?;
    template.as_of = scan.resume_token();
    let splits = match &scan.selection {
        PartitionSelection::Slices(slices) => {
            let count = split_count(shared, &scan, slices, plan.max_splits).await?;
            split_slices(shared, &scan, &template, slices, count).await?
        }
        PartitionSelection::Keys(keys) => split_keys(shared, &scan, &template, keys, plan.max_splits).await?,
    };
    let plan = PlanScanResponse { splits, resume_token: template.as_of };
    let bytes = plan.encoded_len();
    if bytes > RESPONSE_BYTES_MAX {
        let description =
            format!("the plan would have {bytes} bytes; ask for fewer splits, or name fewer columns or keys");
        return Err(faults::invalid("max_splits", description));
    }
    Ok(plan)
}

/// How many splits there should be: as many as the client takes, or so many that each has its share of bytes.
async fn split_count<E: Engine>(
    shared: &Shared<E>,
    scan: &Scan,
    slices: &HashSlices,
    asked: u32,
) -> Result<u32, Fault> {
    let most = shared.limits.splits_max;
    if asked > 0 {
        return Ok(asked.min(most));
    }
    let size = estimate(shared, scan, slices).await?;
    let wanted = size.bytes.div_ceil(shared.limits.split_bytes.max(1)).clamp(1, u64::from(most));
    Ok(u32::try_from(wanted).expect("at most splits_max, which is a u32"))
}

async fn split_slices<E: Engine>(
    shared: &Shared<E>,
    scan: &Scan,
    template: &ScanRequest,
    slices: &HashSlices,
    count: u32,
) -> Result<Vec<ScanSplit>, Fault> {
    let mut splits = Vec::new();
    for part in cut(slices, count) {
        let size = estimate(shared, scan, &part).await?;
        let hash_slices = v1::HashSlices { count: part.count(), indexes: part.indexes().to_vec() };
        splits.push(ScanSplit {
            scan: Some(ScanRequest { hash_slices: Some(hash_slices), ..template.clone() }),
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

async fn estimate<E: Engine>(shared: &Shared<E>, scan: &Scan, slices: &HashSlices) -> Result<SizeEstimate, Fault> {
    let estimate = shared.engine.estimate(scan.table.id, slices, scan.times).await;
    estimate.map_err(|error| faults::of_read(&error, &scan.table.definition.name))
}

async fn split_keys<E: Engine>(
    shared: &Shared<E>,
    scan: &Scan,
    template: &ScanRequest,
    keys: &[PartitionKey],
    asked: u32,
) -> Result<Vec<ScanSplit>, Fault> {
    let name = &scan.table.definition.name;
    let table = estimate(shared, scan, &HashSlices::all()).await?;
    let mean_bytes = table.bytes.checked_div(table.events).unwrap_or(0);
    let mut events = Vec::with_capacity(keys.len());
    for key in keys {
        let stats = shared.engine.partition_stats(scan.table.id, key).await;
        let stats = stats.map_err(|error| faults::of_read(&error, name))?;
        events.push(stats.map_or(0, |stats| stats.event_count));
    }
    let total_bytes = events.iter().sum::<u64>().saturating_mul(mean_bytes);
    let most = u64::from(shared.limits.splits_max).min(keys.len() as u64);
    let wanted = if asked > 0 { u64::from(asked) } else { total_bytes.div_ceil(shared.limits.split_bytes.max(1)) };
    let parts = usize::try_from(wanted.clamp(1, most)).expect("at most splits_max, which is a u32");
    let start = |part: usize| part * keys.len() / parts;
    let split = |part: usize| {
        let range = start(part)..start(part + 1);
        let estimated_events = events[range.clone()].iter().sum::<u64>();
        ScanSplit {
            scan: Some(ScanRequest { partition_keys: template.partition_keys[range].to_vec(), ..template.clone() }),
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
