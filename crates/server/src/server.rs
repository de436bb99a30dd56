//! The server: it listens, deals connections to its workers, and stops in order.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::available_parallelism;

use annals_engine::Engine;
use annals_grpc::Door;
use annals_net::{Acceptor, ReservedSocket, Worker, connections_max};
use annals_service::{Service, Stop};

use crate::config::Config;

/// Why a server does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is open to others than this machine, and nobody said that this is meant.
    #[error(
        "listening on {0} would let everybody who reaches this machine read and write: nothing is encrypted and nobody \
         is asked who they are. Listen on 127.0.0.1, or say --insecure"
    )]
    Insecure(SocketAddr),
    /// The address can't be listened on.
    #[error("can't listen on {address}: {error}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        error: io::Error,
    },
    /// A thread can't be started.
    #[error("can't start a thread: {0}")]
    Thread(io::Error),
    /// The listening socket failed.
    #[error("the listening socket failed: {0}")]
    Listen(io::Error),
}

/// Makes servers.
#[derive(Clone, Copy, Debug)]
pub struct Server;

/// A server that listens and serves nobody yet: connections wait.
#[derive(Debug)]
pub struct BoundServer<E> {
    config: Config,
    engine: Arc<E>,
    listener: TcpListener,
    local_addr: SocketAddr,
}

/// An address that is taken for a server; nobody can connect yet.
#[derive(Debug)]
pub struct ReservedAddress {
    config: Config,
    socket: ReservedSocket,
}

impl ReservedAddress {
    /// Listens, to serve `engine`.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn listen<E: Engine>(self, engine: Arc<E>) -> Result<BoundServer<E>, ServeError> {
        let Self { config, socket } = self;
        let address = config.server.listen;
        let listen = || {
            let listener = socket.listen()?;
            let local_addr = listener.local_addr()?;
            Ok((listener, local_addr))
        };
        let (listener, local_addr) = listen().map_err(|error| ServeError::Bind { address, error })?;
        Ok(BoundServer { config, engine, listener, local_addr })
    }
}

impl Server {
    /// Listens on the address of the configuration; port 0 takes any that is free.
    ///
    /// # Errors
    /// When the address is taken, is not this machine's, or is open to others without `insecure`.
    pub fn bind<E: Engine>(config: Config, engine: Arc<E>) -> Result<BoundServer<E>, ServeError> {
        Self::reserve(config)?.listen(engine)
    }

    /// Takes the address of the configuration and does not listen yet, so that a store is opened, or made, only for a
    /// server that can be reached.
    ///
    /// # Errors
    /// As [`Server::bind`].
    pub fn reserve(config: Config) -> Result<ReservedAddress, ServeError> {
        let address = config.server.listen;
        if !address.ip().is_loopback() && !config.server.insecure {
            return Err(ServeError::Insecure(address));
        }
        let socket = ReservedSocket::bind(address).map_err(|error| ServeError::Bind { address, error })?;
        Ok(ReservedAddress { config, socket })
    }
}

impl<E: Engine> BoundServer<E> {
    /// The address that is listened on, with its real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves until `shutdown` is done, then stops in order: nobody new is let in, appends under way are answered, tails
    /// end with UNAVAILABLE so that their clients go on elsewhere, and what does not end in time is cut. The engine is
    /// left open.
    ///
    /// # Errors
    /// When a thread can't be started or the listening socket fails.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Config { server: settings, limits, .. } = self.config;
        let (stopper, stop) = Stop::new();
        let service = Service::new(self.engine, limits.of_service(), stop);
        let door = Door::open(&service, limits.of_connections()).await;
        let threads = match settings.threads {
            0 => available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let start = |index| Worker::start(index, door.clone(), limits.stop_time_max.get());
        let workers = (0..threads).map(start).collect::<Result<Vec<_>, _>>().map_err(ServeError::Thread)?;
        let listener = tokio::net::TcpListener::from_std(self.listener).map_err(ServeError::Listen)?;
        let connections_max = connections_max(limits.connections_max);
        tokio::select! {
            () = Acceptor::new(&listener, &workers, connections_max).accept() => {}
            () = shutdown => {}
        }
        drop(listener);
        door.close().await;
        stopper.stop();
        for worker in workers {
            worker.finish().await;
        }
        Ok(())
    }
}
