//! What a server takes of memory at most, by its settings.

use annals_embedded::merged_run_bytes_max;

use super::Config;

/// Bytes that no setting bounds: threads, the directory's own tables, indexes of what is being flushed and merged.
const UNSET_BYTES: u64 = 40 * 1024 * 1024;

impl Config {
    /// Bytes of memory that the settings add up to, with an eighth for what the allocator wastes.
    ///
    /// What clients send ahead comes on top: up to `limits.connection_window_bytes` for each connection that is not
    /// read as fast as it sends, and one request that is not whole yet for each session. So do the indexes that a read of
    /// a whole table holds: about a hundredth of the table's events, on each of `engine.read_threads`.
    pub fn memory_bytes_max(&self) -> u64 {
        let (limits, engine) = (&self.limits, &self.engine);
        let bytes = |bytes: usize| bytes as u64;
        let run = merged_run_bytes_max(engine.run_bytes_max);
        let parts = [
            // Appends wait from twice the bound on, and a group may be past it.
            engine.memtable_bytes_max.saturating_mul(2),
            bytes(engine.group_bytes_max).saturating_mul(5),
            bytes(limits.receiving_bytes_max),
            bytes(limits.sending_bytes_max),
            bytes(limits.live_pages_bytes_max),
            bytes(engine.cache_bytes_max),
            // One run is decoded whatever the bound; where events are small, their places take as much again.
            bytes(engine.cache_runs_bytes_max).max(2 * run),
            engine.directory_cache_bytes_max,
            UNSET_BYTES,
        ];
        let sum = parts.into_iter().fold(0_u64, u64::saturating_add);
        sum.saturating_add(sum / 8)
    }
}
