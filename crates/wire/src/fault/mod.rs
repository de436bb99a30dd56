//! Faults as gRPC statuses, and back. A test takes every reason through both.

mod status;

pub use status::{code_of, from_rpc_status, from_status, to_rpc_status, to_status};

#[cfg(test)]
mod tests;
