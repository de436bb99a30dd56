//! What serves a connection once it is accepted: a door's part.

use std::net::SocketAddr;

use tokio::net::TcpStream;

/// Serves connections, one clone each.
pub trait Serve: Clone + Send + 'static {
    /// Serves a connection until it ends. A door that is told to stop ends its connections by itself; what does not end
    /// in time is dropped.
    fn serve(self, stream: TcpStream, peer: SocketAddr) -> impl Future<Output = ()> + Send;
}
