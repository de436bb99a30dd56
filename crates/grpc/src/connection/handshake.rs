//! How a connection begins: what its server tells the client, and what the client must say in time, so that silent
//! sockets do not pile up.

use annals_service::AnswerPiece;
use h2::server::{Builder, Connection};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::Ended;
use crate::Limits;

/// Bytes of one DATA frame: large events and pages then take few frames, each of which costs both sides work.
const FRAME_BYTES_MAX: u32 = 256 * 1024;

/// Waits for the client to speak HTTP/2: for the whole of the preface with which it begins.
pub(super) async fn handshake<S>(stream: S, limits: &Limits) -> Result<Connection<S, AnswerPiece>, Ended>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let begun = timeout(limits.handshake_time_max, builder(limits).handshake(stream));
    Ok(begun.await.map_err(|_| Ended::NoPreface)??)
}

fn builder(limits: &Limits) -> Builder {
    let mut builder = Builder::new();
    builder
        .initial_window_size(limits.call_window_bytes)
        .initial_connection_window_size(limits.connection_window_bytes)
        .max_concurrent_streams(limits.connection_calls_max)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_send_buffer_size(limits.send_buffer_bytes_max)
        .max_header_list_size(limits.header_bytes_max)
        // What small frames cost is bounded by taking them in at each turn; the library would close the connection.
        .data_frame_budget(usize::MAX);
    builder
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};
    use tokio::time::{Instant, sleep};

    use super::*;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stays_silent_or_dawdles_is_cut_off() {
        let limits = Limits::of_a_test();
        let time_max = limits.handshake_time_max;
        for sent in [0, PREFACE.len() - 1] {
            let (mut client, server) = duplex(1024);
            let dawdle = async {
                for byte in &PREFACE[..sent] {
                    client.write_u8(*byte).await.expect("room");
                    sleep(time_max / 25).await;
                }
            };
            let begun = Instant::now();
            let (ended, ()) = tokio::join!(timeout(2 * time_max, handshake(server, &limits)), dawdle);
            assert!(matches!(ended, Ok(Err(Ended::NoPreface))), "{sent} bytes: {ended:?}");
            assert_eq!(begun.elapsed().as_secs(), time_max.as_secs(), "{sent} bytes");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_has_begun_may_take_its_time() {
        let limits = Limits::of_a_test();
        let (mut client, server) = duplex(1024);
        client.write_all(PREFACE).await.expect("room");
        let mut connection = handshake(server, &limits).await.expect("the preface");
        let accepted = timeout(2 * limits.handshake_time_max, connection.accept());
        assert!(accepted.await.is_err(), "its first call is waited for");
    }
}
