//! Test harnesses for Annals. For tests and benches only; no crate of the product depends on it.
//!
//! - [`event`], [`generator`]: events, hand-made and from a seed, encoded by an encoder of this crate's own.
//! - [`edges`]: events of every type and edge.
//! - [`oracle`]: what a table must hold, kept in the plainest way.
//! - [`subject`], [`trial`]: an engine under test, and the calls that compare it with the oracle.
//! - [`plain`]: the plainest engine, in memory, which keeps the contract.
//! - [`embedded`]: the embedded engine on a directory of its own.
//! - [`conformance`]: the promises of the `Engine` contract, one function each.
//! - [`model`]: random operations against the oracle.
//! - [`server`]: a server in this process, on a free port.
//! - [`process`], [`calls`], [`ledger`]: the real binary, calls to a server, and the check that it kept its word.
//! - [`session`], [`follower`]: clients for the time that a server lives, and over many servers' lives.
//! - [`ahead`]: sessions that share a connection and send as far ahead as HTTP/2 lets them.
//! - [`disk`]: a disk in memory that loses power, fails and fills up.
//! - [`power`]: an engine loses power at every change that it makes to its disk.
//! - [`small_store`]: files of a store under a workload, and what a crash may leave of it.
//! - [`tiny_store`]: a whole store of a few kilobytes in memory, and what readers get of it once it was damaged.
//! - [`fuzz`]: what the fuzz targets do with their bytes, and the properties that they check.
//! - [`seed`]: seeds that are printed, and taken back from the environment.

pub mod ahead;
pub mod calls;
pub mod conformance;
pub mod disk;
pub mod edges;
pub mod embedded;
pub mod event;
pub mod follower;
pub mod fuzz;
pub mod generator;
pub mod ledger;
pub mod model;
pub mod oracle;
pub mod plain;
pub mod power;
pub mod process;
pub mod seed;
pub mod server;
pub mod session;
pub mod small_store;
pub mod subject;
pub mod tiny_store;
pub mod trial;
mod turns;
