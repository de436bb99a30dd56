//! The refused events of one request, as the fault that answers it.

use annals_model::fault::{Fault, Reason, VIOLATIONS_MAX, Violation};

use crate::walk::Refusal;

/// Bytes of violations that one answer lists, as their number is; the first is listed in any case.
const VIOLATION_BYTES_MAX: usize = 3 * 1024;

/// Collects the refused events of one request.
#[derive(Debug, Default)]
pub struct RefusedEvents {
    fault: Option<Fault>,
    listed_bytes: usize,
    total: u64,
}

impl RefusedEvents {
    /// Notes that the event at `index` of the request is refused.
    pub fn add(&mut self, index: usize, refusal: &Refusal) {
        self.total += 1;
        let path = refusal.path();
        let dot = if path.is_empty() { "" } else { "." };
        let violation = Violation { field: format!("events[{index}]{dot}{path}"), description: refusal.to_string() };
        self.listed_bytes += violation.field.len() + violation.description.len();
        if let Some(fault) = &mut self.fault {
            if fault.violations.len() < VIOLATIONS_MAX && self.listed_bytes <= VIOLATION_BYTES_MAX {
                fault.violations.push(violation);
            }
            return;
        }
        let message = format!("{} of the request: {refusal}", violation.field);
        self.fault = Some(Fault { violations: vec![violation], ..Fault::new(reason_of(refusal), message) });
    }

    /// Nothing if no event was refused.
    ///
    /// # Errors
    /// The fault of the request: its reason is that of the first event refused.
    pub fn finish(self) -> Result<(), Fault> {
        match self.fault {
            Some(fault) => Err(Fault { violations_total: self.total, ..fault }),
            None => Ok(()),
        }
    }
}

fn reason_of(refusal: &Refusal) -> Reason {
    match refusal {
        Refusal::EventTooLarge(_) => Reason::EventTooLarge,
        Refusal::Mistyped(_) | Refusal::MistypedWithin { .. } => Reason::ColumnTypeMismatch,
        Refusal::Undeclared(_) => Reason::UnknownColumn,
        _ => Reason::InvalidEvent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_refused_events_are_listed_and_all_are_counted() {
        let mut refused = RefusedEvents::default();
        for index in 5..45 {
            refused.add(index, &Refusal::KeyEmpty);
        }
        let fault = refused.finish().expect_err("refused");
        assert_eq!((fault.reason, fault.violations.len(), fault.violations_total), (Reason::InvalidEvent, 16, 40));
        assert_eq!(fault.violations[0].field, "events[5].partition_key");
        assert_eq!(RefusedEvents::default().finish(), Ok(()));
    }
}
