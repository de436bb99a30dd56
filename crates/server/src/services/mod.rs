//! The gRPC services: each method hands its request on and turns a fault into a status. Nothing is decided here.

mod access;
mod consumers;
mod events;
mod servers;
mod tables;

use annals_model::Fault;
use annals_wire::fault::to_status;
use tonic::{Response, Status};

use crate::faults;

pub(crate) use access::AccessApi;
pub(crate) use consumers::ConsumerApi;
pub(crate) use events::EventApi;
pub(crate) use servers::ServerApi;
pub(crate) use tables::TableApi;

/// The answer of a call, or the status of its fault.
fn answered<T>(outcome: Result<T, Fault>) -> Result<Response<T>, Status> {
    outcome.map(Response::new).map_err(|fault| to_status(&fault))
}

/// The refusal of a call that is in the contract and not in this server.
fn not_built<T>(call: &str) -> Result<Response<T>, Status> {
    Err(to_status(&faults::not_supported(call)))
}
