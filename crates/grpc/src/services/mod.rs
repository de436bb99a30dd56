//! The gRPC services: each method hands its request on and turns a fault into a status.
//!
//! Promises: every call of the contract is here, and one that is not built is refused by its name. Does not: decide anything.

mod access;
mod consumers;
mod events;
mod servers;
mod tables;

use annals_model::Fault;
use annals_service::{Caller, faults};
use annals_wire::fault::to_status;
use tonic::{Request, Response, Status};

pub(crate) use access::AccessApi;
pub(crate) use consumers::ConsumerApi;
pub(crate) use events::EventApi;
pub(crate) use servers::ServerApi;
pub(crate) use tables::TableApi;

/// Who a call is made for.
fn caller<T>(request: &Request<T>) -> Caller {
    request.remote_addr().map_or_else(Caller::local, Caller::at)
}

/// The answer of a call, or the status of its fault.
fn answered<T>(outcome: Result<T, Fault>) -> Result<Response<T>, Status> {
    outcome.map(Response::new).map_err(refused)
}

/// The status of a fault.
#[expect(clippy::needless_pass_by_value, reason = "it is what errors are mapped with")]
fn refused(fault: Fault) -> Status {
    to_status(&fault)
}

/// The refusal of a call that is in the contract and not in this server.
fn not_built<T>(call: &str) -> Result<Response<T>, Status> {
    Err(to_status(&faults::not_supported(call)))
}
