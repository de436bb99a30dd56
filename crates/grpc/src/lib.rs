//! The gRPC door: it translates the calls of `annals.v1` into calls of the [`Service`](annals_service::Service), and its
//! nouns and faults into messages and statuses.
//!
//! - [`Door`]: serves connections, for workers of `annals_net`.
//! - [`Limits`]: what one connection may do.
//!
//! A request goes from `connection` through `services` to `translate`, which makes a noun of it, and to the service; what
//! comes back goes the same way. An event's bytes pass as they are.
//!
//! Promises: every call ends in an answer or in a status with a reason, at the latest at its deadline; what is held for
//! clients that do not read, or do not stop to send, is bounded. Does not: decide anything of what is asked for.

mod connection;
mod deadline;
mod door;
mod limits;
mod routes;
mod services;
mod translate;

pub use door::Door;
pub use limits::Limits;
