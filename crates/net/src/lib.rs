//! What lies between the operating system and a door: sockets that are listened on, connections that are dealt out to
//! threads, halves of a stream that stay fair and do not hang.
//!
//! - [`ReservedSocket`]: an address that is taken, and then listened on.
//! - [`Acceptor`], [`Worker`]: connections are accepted up to a bound, and each is served on one thread for its life.
//!   What a door does with one is its [`Serve`].
//! - [`SocketRead`], [`SocketWrite`], [`Activity`]: what a door builds a connection from.
//!
//! Promises: a connection too many is closed as it comes and disturbs no other; a stop waits for connections for a
//! bounded time. Does not: know any protocol, or any other crate of the project.

mod acceptor;
mod activity;
mod descriptors;
mod listener;
mod serve;
mod socket_read;
mod socket_write;
mod worker;

pub use acceptor::Acceptor;
pub use activity::{Activity, Call};
pub use descriptors::connections_max;
pub use listener::ReservedSocket;
pub use serve::Serve;
pub use socket_read::{Heard, SocketRead};
pub use socket_write::SocketWrite;
pub use worker::Worker;
