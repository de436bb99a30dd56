//! Faults as gRPC statuses, and back. A test takes every reason through both.
//!
//! Promises: every reason comes back as it went.
//!
//! Does not: choose reasons: whoever met the fault did.

mod status;

pub use status::{code_of, from_rpc_status, from_status, to_rpc_status, to_status};

#[cfg(test)]
mod tests;
