//! Plans of scans: each split is a request that its reader sends as it is.

use annals_model::Fault;
use annals_model::limits::RESPONSE_BYTES_MAX;
use annals_service::{ScanPlan, ScanSplit, SplitPart, faults};
use annals_wire::v1::{self, PlanScanResponse, ScanRequest};
use prost::Message;

use super::slices;

/// The answer to a request to cut `request`.
///
/// # Errors
/// When it is larger than an answer may be.
pub(crate) fn scan_plan(plan: ScanPlan, request: ScanRequest) -> Result<PlanScanResponse, Fault> {
    let ScanPlan { splits, resume_token } = plan;
    let template = ScanRequest { as_of: resume_token.clone(), ..request };
    let splits = splits.into_iter().map(|split| scan_split(split, &template)).collect();
    let response = PlanScanResponse { splits, resume_token };
    let bytes = response.encoded_len();
    if bytes > RESPONSE_BYTES_MAX {
        let description =
            format!("the plan would have {bytes} bytes; ask for fewer splits, or name fewer columns or keys");
        return Err(faults::invalid("max_splits", description));
    }
    Ok(response)
}

fn scan_split(split: ScanSplit, template: &ScanRequest) -> v1::ScanSplit {
    let scan = match split.part {
        SplitPart::Slices(part) => ScanRequest { hash_slices: Some(slices::to_wire(&part)), ..template.clone() },
        SplitPart::Keys(places) => {
            ScanRequest { partition_keys: template.partition_keys[places].to_vec(), ..template.clone() }
        }
    };
    v1::ScanSplit { scan: Some(scan), estimated_events: split.estimated_events, estimated_bytes: split.estimated_bytes }
}
