//! The configuration of a server: one TOML file, the environment and flags.
//!
//! Promises: a flag goes before the environment, the environment before the file, the file before the default; keys that do
//! not exist are refused by name. Does not: read anything after the start. Every setting has its default and its reason beside it; [`Config::commented`] writes them
//! all as a file to start from, which is `deploy/annals.toml`.

mod engine;
mod layers;
mod limits;
mod memory;
mod setting;

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use annals_model::DEFAULT_PORT;
use serde::{Deserialize, Serialize};

pub use engine::Engine;
pub use layers::{ConfigError, variable};
pub use limits::Limits;
use setting::settings;
pub use setting::{Period, Setting};

settings! {
    /// Where a server keeps its data and where it listens.
    pub struct Server {
        /// The folder of the store; made if it is not there.
        pub data: PathBuf = PathBuf::from("annals-data"),
        /// The address and port to listen on. Port 0 takes any that is free.
        pub listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], DEFAULT_PORT)),
        /// Allows listening on more than this machine although nothing is encrypted and nobody is asked who they are.
        pub insecure: bool = false,
        /// Threads that serve connections. 0: one for each core.
        pub threads: usize = 0,
    }
}

/// All that can be set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the data lies and where the server listens.
    pub server: Server,
    /// Every limit of the server.
    pub limits: Limits,
    /// Every limit of the embedded engine.
    pub engine: Engine,
}

impl Config {
    /// Every setting there is, in the order of the file.
    pub fn settings() -> Vec<Setting> {
        [Server::describe("server."), Limits::describe("limits."), Engine::describe("engine.")].concat()
    }

    /// A configuration file that documents every setting and sets none.
    pub fn commented() -> String {
        let mut out = String::from(
            "# The configuration of an Annals server. Every setting is here with its default; take away the # to set it.\n\
             # A flag goes before the environment, the environment before this file.\n",
        );
        let mut section = String::new();
        for setting in Self::settings() {
            let (in_section, name) = setting.key.split_once('.').expect("every setting has a section");
            out.push('\n');
            if in_section != section {
                in_section.clone_into(&mut section);
                writeln!(out, "[{section}]").expect("a string takes all");
            }
            for line in setting.documentation {
                writeln!(out, "#{line}").expect("a string takes all");
            }
            writeln!(out, "# Environment: {}", variable(&setting.key)).expect("a string takes all");
            writeln!(out, "#{name} = {}", setting.default).expect("a string takes all");
        }
        out
    }

    /// What is wrong with the values, taken together.
    fn problem(&self) -> Option<String> {
        if !self.server.listen.ip().is_loopback() && !self.server.insecure {
            return Some(format!(
                "listening on {} would let everybody who reaches this machine read and write: nothing is encrypted and \
                 nobody is asked who they are. Listen on 127.0.0.1, or say --insecure",
                self.server.listen
            ));
        }
        self.limits.problem().or_else(|| self.engine.problem())
    }
}

#[cfg(test)]
mod tests;
