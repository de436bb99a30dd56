//! An address that is taken, and then listened on.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Socket, Type};

/// Connections that the system keeps until they are accepted.
const BACKLOG: i32 = 1024;

/// An address that is taken; nobody can connect yet.
#[derive(Debug)]
pub struct ReservedSocket(Socket);

impl ReservedSocket {
    /// Takes an address; port 0 takes any that is free. Needs no runtime.
    ///
    /// # Errors
    /// When the address is taken, or is not this machine's.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        // A restart must not wait for the connections of the last run to time out.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        Ok(Self(socket))
    }

    /// Listens: connections wait until they are accepted. The listener does not block.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn listen(self) -> io::Result<TcpListener> {
        self.0.listen(BACKLOG)?;
        Ok(self.0.into())
    }
}
