//! Gives a reason to the errors that the gRPC library makes by itself, before a call's code is reached.

use annals_model::{Fault, Reason};
use annals_wire::fault::to_status;
use http::Response;
use tonic::body::Body;
use tonic::{Code, Status};

/// The status with a reason, if it had none: a request that is too large, or no message at all.
pub(crate) fn detailed(status: Status) -> Status {
    if !status.details().is_empty() {
        return status;
    }
    match status.code() {
        Code::OutOfRange => {
            let message = format!(
                "the request is larger than this server takes (limits.request_bytes_max, GetServerInfo tells it); split \
                 it: {}",
                status.message()
            );
            to_status(&Fault::new(Reason::RequestTooLarge, message))
        }
        Code::Internal => to_status(&Fault::new(Reason::MalformedRequest, status.message())),
        _ => status,
    }
}

/// The response, with a reason on an error that had none.
pub(super) fn with_details(response: Response<Body>) -> Response<Body> {
    match Status::from_header_map(response.headers()) {
        Some(status) if status.code() != Code::Ok && status.details().is_empty() => detailed(status).into_http(),
        _ => response,
    }
}
