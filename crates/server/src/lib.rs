//! The gRPC server of Annals, over any [`Engine`](annals_engine::Engine).
//!
//! - [`Config`]: one TOML file, the environment and flags; every limit of a server and of the engine under it.
//! - [`Server::bind`], [`BoundServer::run`]: listens, serves, stops in order.
//!
//! A request goes from `connection` through `services` to `append`, `scan`, `tail` or `tables`, which check it, call the
//! engine and turn what it says into the contract's words. `faults` is the one place where the engine's errors become
//! those of the contract. An event's bytes are walked once on their way in and never decoded.

mod append;
mod clock;
mod config;
mod connection;
mod deadline;
mod digest;
mod encode;
mod faults;
mod info;
mod lists;
mod routes;
mod scan;
mod scope;
mod server;
mod services;
mod shared;
mod stop;
mod tables;
mod tail;

pub use config::{Config, ConfigError, Engine as EngineConfig, Limits, Period, Setting, variable};
pub use server::{BoundServer, ReservedAddress, ServeError, Server};
