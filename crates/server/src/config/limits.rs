//! Every limit of the server, with its default and its reason. Limits of the contract stand in `annals_model::limits`.

use annals_model::limits::REQUEST_BYTES_MAX;

use super::setting::{Period, settings};

/// Requests that create and list need as much.
const REQUEST_BYTES_MAX_LEAST: usize = 65_536;

settings! {
    /// The limits of a server. Counts and bytes are plain numbers, times are written like `5s`.
    pub struct Limits {
        /// Connections that are open at once; one more is closed as it comes. Each costs a socket and some 64 KiB.
        pub connections_max: usize = 4096,
        /// Calls under way at once on one connection; further ones wait at the client. Tails count.
        pub connection_calls_max: u32 = 256,
        /// How long a connection may take to speak HTTP/2, so that silent sockets do not pile up.
        pub handshake_time_max: Period = Period::seconds(10),
        /// A connection without a call for so long is closed; clients connect again by themselves.
        pub idle_time_max: Period = Period::seconds(600),
        /// A silent connection is asked for a sign of life this often, so that one to a machine that is gone is found.
        pub keep_alive_interval: Period = Period::seconds(20),
        /// A connection that gives no sign of life for so long is closed.
        pub keep_alive_time_max: Period = Period::seconds(10),
        /// Bytes of a request's headers.
        pub header_bytes_max: u32 = 16_384,
        /// Bytes that a client may send ahead in one call: two of the usual append requests.
        pub call_window_bytes: u32 = 2_097_152,
        /// Bytes that a client may send ahead on one connection, over all calls. Sessions that wait for a slow disk fill
        /// it, eight of them with the default; what else is asked on that connection then waits with them.
        pub connection_window_bytes: u32 = 16_777_216,
        /// Bytes of one request. The contract allows no more than the default; events of 3 MiB need a little over that.
        pub request_bytes_max: usize = 16_777_216,
        /// Bytes of requests that the server holds, over all connections, from when they come until their calls end; more
        /// are refused as an overload. Sessions wait instead, and each may hold one request past it.
        pub receiving_bytes_max: usize = 268_435_456,
        /// Append sessions that are open at once. Each may hold one request that is not whole yet, besides those that wait
        /// for their answers.
        pub sessions_max: usize = 1024,
        /// Bytes of answers that wait for one slow client in one call. The next is made once half of them are gone, or
        /// all where many clients are slow.
        pub send_buffer_bytes_max: usize = 262_144,
        /// Bytes of answers that wait for slow clients, over all calls. The more there are the smaller answers become, so
        /// that past it each call still gets on by some 8 KiB, or one event, at a time.
        pub sending_bytes_max: usize = 67_108_864,
        /// Bytes of requests of one append session that are not yet answered, as they came or as their events are held,
        /// whichever is more; the session is not read on until then. Less than `engine.admission_table_bytes_max` by more
        /// than a request, so that a session alone is not refused where the disk is slow, but waits.
        pub session_bytes_max: usize = 8_388_608,
        /// Requests of one append session that are not yet answered.
        pub session_requests_max: usize = 1024,
        /// Bytes of events that a response is built up to, from 64 KiB to 1 MiB. An event may be larger and then comes
        /// alone.
        pub response_bytes_target: usize = 262_144,
        /// Events of one response, so that tiny events can't make it large: each adds up to 50 bytes of its own.
        pub response_events_max: usize = 16_384,
        /// Partition keys that one scan or tail may name.
        pub keys_max: usize = 100_000,
        /// Tails under way at once on this server.
        pub tails_max: usize = 20_000,
        /// A live tail that falls so many events behind is served from storage again, and told so.
        pub tail_behind_events: u64 = 100_000,
        /// Bytes of answers that live tails of whole tables make for each other: what many deliver is encoded once. One
        /// that comes after its page has gone encodes for itself; 0: all do.
        pub live_pages_bytes_max: usize = 16_777_216,
        /// Splits that a planned scan is cut into at most.
        pub splits_max: u32 = 1024,
        /// Bytes of events that one split of a planned scan holds where the client leaves the number to the server.
        pub split_bytes: u64 = 67_108_864,
        /// Entries of one page of a list, and how many there are if the client does not say.
        pub page_entries_max: usize = 1000,
        /// How long calls under way may take to end when the server stops. The whole stop takes at most 5 s.
        pub stop_time_max: Period = Period::seconds(4),
    }
}

impl Limits {
    /// Those that the service keeps.
    pub(crate) fn of_service(&self) -> annals_service::Limits {
        annals_service::Limits {
            request_bytes_max: self.request_bytes_max,
            receiving_bytes_max: self.receiving_bytes_max,
            sessions_max: self.sessions_max,
            send_buffer_bytes_max: self.send_buffer_bytes_max,
            sending_bytes_max: self.sending_bytes_max,
            session_bytes_max: self.session_bytes_max,
            session_requests_max: self.session_requests_max,
            response_bytes_target: self.response_bytes_target,
            response_events_max: self.response_events_max,
            keys_max: self.keys_max,
            tails_max: self.tails_max,
            tail_behind_events: self.tail_behind_events,
            live_pages_bytes_max: self.live_pages_bytes_max,
            splits_max: self.splits_max,
            split_bytes: self.split_bytes,
            page_entries_max: self.page_entries_max,
        }
    }

    /// Those of one connection.
    pub(crate) fn of_connections(&self) -> annals_grpc::Limits {
        annals_grpc::Limits {
            connection_calls_max: self.connection_calls_max,
            handshake_time_max: self.handshake_time_max.get(),
            idle_time_max: self.idle_time_max.get(),
            keep_alive_interval: self.keep_alive_interval.get(),
            keep_alive_time_max: self.keep_alive_time_max.get(),
            header_bytes_max: self.header_bytes_max,
            call_window_bytes: self.call_window_bytes,
            connection_window_bytes: self.connection_window_bytes,
            send_buffer_bytes_max: self.send_buffer_bytes_max,
        }
    }

    /// What is wrong with the values, taken together.
    pub(super) fn problem(&self) -> Option<String> {
        let positive = [
            ("connections_max", self.connections_max),
            ("connection_calls_max", self.connection_calls_max as usize),
            ("receiving_bytes_max", self.receiving_bytes_max),
            ("sessions_max", self.sessions_max),
            ("send_buffer_bytes_max", self.send_buffer_bytes_max),
            ("sending_bytes_max", self.sending_bytes_max),
            ("session_bytes_max", self.session_bytes_max),
            ("session_requests_max", self.session_requests_max),
            ("response_events_max", self.response_events_max),
            ("keys_max", self.keys_max),
            ("tails_max", self.tails_max),
            ("splits_max", self.splits_max as usize),
            ("page_entries_max", self.page_entries_max),
        ];
        if let Some((name, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
            return Some(format!("limits.{name} is 0; it is at least 1"));
        }
        if !(REQUEST_BYTES_MAX_LEAST..=REQUEST_BYTES_MAX).contains(&self.request_bytes_max) {
            let bytes = self.request_bytes_max;
            return Some(format!(
                "limits.request_bytes_max is {bytes}; it lies from {REQUEST_BYTES_MAX_LEAST} to {REQUEST_BYTES_MAX}"
            ));
        }
        // 50 bytes for each event's own fields keep a response well below the contract's 4,000,000 bytes.
        if self.response_events_max > 32_768 {
            return Some(format!("limits.response_events_max is {}; it is at most 32768", self.response_events_max));
        }
        if !(65_536..=1_048_576).contains(&self.response_bytes_target) {
            let target = self.response_bytes_target;
            return Some(format!("limits.response_bytes_target is {target}; it lies from 65536 to 1048576"));
        }
        let windows =
            [("call_window_bytes", self.call_window_bytes), ("connection_window_bytes", self.connection_window_bytes)];
        let outside = windows.into_iter().find(|(_, bytes)| !(65_535..=i32::MAX.cast_unsigned()).contains(bytes));
        outside.map(|(name, bytes)| format!("limits.{name} is {bytes}; HTTP/2 has windows from 65535 to 2147483647"))
    }
}
