//! The peers, each in a file of its own.

mod annals;
mod cassandra;
mod kafka;
mod nats;
mod tephra;
mod umadb;

use crate::peer::Peer;

/// All peers in all their settings, in the order of the table.
pub(crate) fn all() -> impl Iterator<Item = &'static Peer> {
    let peers = [&annals::PEERS[..], &tephra::PEERS, &umadb::PEERS, &nats::PEERS, &kafka::PEERS, &cassandra::PEERS];
    peers.into_iter().flatten()
}
