//! The limits of the service, as whoever puts a server together sets them.
//!
//! A plain list: defaults, reasons and the bounds of each stand with the settings of the server.

/// What one service does at most at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one request, as clients are told; doors refuse larger ones as they come.
    pub request_bytes_max: usize,
    /// Bytes of requests that are held over all doors, see [`RequestBudget`](crate::RequestBudget).
    pub receiving_bytes_max: usize,
    /// Append sessions that are open at once.
    pub sessions_max: usize,
    /// Bytes of answers that wait for one slow client in one call.
    pub send_buffer_bytes_max: usize,
    /// Bytes of answers that wait for slow clients over all doors, see [`AnswerBudget`](crate::AnswerBudget).
    pub sending_bytes_max: usize,
    /// Bytes of requests of one append session that are not yet answered, as they came or as their events are held.
    pub session_bytes_max: usize,
    /// Requests of one append session that are not yet answered.
    pub session_requests_max: usize,
    /// Bytes of events that a page is built up to; a larger event comes alone.
    pub response_bytes_target: usize,
    /// Events of one page.
    pub response_events_max: usize,
    /// Partition keys that one scan or tail may name.
    pub keys_max: usize,
    /// Tails under way at once.
    pub tails_max: usize,
    /// A live tail that falls so many events behind is told so and catches up again.
    pub tail_behind_events: u64,
    /// Bytes of pages that live tails of one encoding make for each other; 0: none.
    pub live_pages_bytes_max: usize,
    /// Splits that a planned scan is cut into at most.
    pub splits_max: u32,
    /// Bytes of events of one split, where the number of splits is left to the service.
    pub split_bytes: u64,
    /// Entries of one page of a list.
    pub page_entries_max: usize,
}
