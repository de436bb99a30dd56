//! How large a run may be.

/// Bytes of encoded events in one run. A flush closes a run before the batch that would pass this; since a request
/// is at most half of it, it always can. Arrival readers decode a run at a time, so this bounds what they hold.
pub const RUN_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Events of one run, so that what is kept for each event of a run stays small where events are.
pub const RUN_EVENTS_MAX: u32 = 1 << 20;
