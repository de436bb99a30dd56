//! Retentions.

use annals_model::{Fault, Retention};
use annals_service::faults;
use annals_wire::v1;

use super::duration;

/// The retention that a request gives in `field`.
///
/// # Errors
/// When it asks for what is not built.
pub(super) fn asked(field: &str, retention: &v1::Retention) -> Result<Retention, Fault> {
    if retention.max_events_per_partition > 0 {
        return Err(faults::not_supported(&format!("{field}.max_events_per_partition")));
    }
    Ok(Retention {
        age_max: retention.max_age.as_ref().map(duration::from_wire),
        bytes_max: (retention.max_bytes > 0).then_some(retention.max_bytes),
    })
}

/// As a message has it; none where everything is kept.
pub(super) fn to_wire(retention: &Retention) -> Option<v1::Retention> {
    (!retention.keeps_everything()).then(|| v1::Retention {
        max_age: retention.age_max.map(duration::to_wire),
        max_bytes: retention.bytes_max.unwrap_or(0),
        max_events_per_partition: 0,
    })
}
