//! Scans and their pages.

use annals_engine::ScanOrder;
use annals_model::{EventTime, Fault};
use annals_service::{self as service, ScanPage, faults};
use annals_wire::answer::{RecordedEvents, ScanAnswer};
use annals_wire::v1::{Direction, ScanRequest};

use super::slices;

/// # Errors
/// When the direction is none.
pub(crate) fn scan_request(request: ScanRequest) -> Result<service::ScanRequest, Fault> {
    let times = request.time_range.unwrap_or_default();
    Ok(service::ScanRequest {
        table: request.table,
        partition_keys: request.partition_keys,
        hash_slices: request.hash_slices.map(slices::asked),
        start: times.start_unix_nanos.map(EventTime::from_unix_nanos),
        end: times.end_unix_nanos.map(EventTime::from_unix_nanos),
        order: order(request.direction)?,
        limit_per_partition: (request.limit_per_partition > 0).then_some(request.limit_per_partition),
        limit: (request.limit > 0).then_some(request.limit),
        columns: request.columns,
        filter: request.filter,
        as_of: request.as_of,
        page_token: request.page_token,
    })
}

fn order(direction: i32) -> Result<ScanOrder, Fault> {
    match Direction::try_from(direction) {
        Ok(Direction::Unspecified | Direction::Ascending) => Ok(ScanOrder::Ascending),
        Ok(Direction::Descending) => Ok(ScanOrder::Descending),
        Err(_) => Err(faults::invalid("direction", format!("{direction} is no direction"))),
    }
}

pub(crate) fn scan_answer(page: ScanPage) -> ScanAnswer {
    let ScanPage { events, next_page_token, resume_token } = page;
    ScanAnswer { events: RecordedEvents::new(events), next_page_token, resume_token }
}
