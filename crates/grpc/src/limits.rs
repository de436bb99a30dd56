//! The limits of one connection, as whoever puts a server together sets them.
//!
//! A plain list: defaults, reasons and the bounds of each stand with the settings of the server.

use std::time::Duration;

/// What one connection does at most, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls under way at once.
    pub connection_calls_max: u32,
    /// How long it may take to speak HTTP/2.
    pub handshake_time_max: Duration,
    /// Without a call for so long it is closed.
    pub idle_time_max: Duration,
    /// How long it may be silent before it is asked for a sign of life.
    pub keep_alive_interval: Duration,
    /// How long it may take to give one.
    pub keep_alive_time_max: Duration,
    /// Bytes of a request's headers.
    pub header_bytes_max: u32,
    /// Bytes that a client may send ahead in one call.
    pub call_window_bytes: u32,
    /// Bytes that a client may send ahead over all calls.
    pub connection_window_bytes: u32,
    /// Bytes of answers that the HTTP/2 library keeps for one call.
    pub send_buffer_bytes_max: usize,
}

#[cfg(test)]
impl Limits {
    /// Limits for a test that is about none of them.
    pub(crate) fn of_a_test() -> Self {
        Self {
            connection_calls_max: 16,
            handshake_time_max: Duration::from_secs(10),
            idle_time_max: Duration::from_mins(10),
            keep_alive_interval: Duration::from_secs(20),
            keep_alive_time_max: Duration::from_secs(10),
            header_bytes_max: 16_384,
            call_window_bytes: 1_048_576,
            connection_window_bytes: 1_048_576,
            send_buffer_bytes_max: 65_536,
        }
    }
}
