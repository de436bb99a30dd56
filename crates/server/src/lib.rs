//! The server of Annals, over any [`Engine`](annals_engine::Engine): composition and nothing else.
//!
//! - [`Config`]: one TOML file, the environment and flags; every limit of a server and of the engine under it.
//! - [`Server::bind`], [`BoundServer::run`]: listens, opens the doors, stops in order.
//!
//! What is asked for is decided in `annals_service`; what comes over gRPC is translated in `annals_grpc`; sockets and
//! threads are those of `annals_net`.
//!
//! Promises: a stop takes a bounded time and answers what was let in; a configuration that is wrong is refused by the name
//! of what is wrong. Does not: serve a call itself, open or close the engine.

mod config;
mod server;

pub use config::{Config, ConfigError, Engine as EngineConfig, Limits, Period, Setting, variable};
pub use server::{BoundServer, ReservedAddress, ServeError, Server};
