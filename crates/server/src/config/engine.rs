//! Every limit of the embedded engine that an operator may set, with its default and its reason.

use annals_embedded::Options;

use super::setting::{Period, settings};

settings! {
    /// The limits of the embedded engine.
    pub struct Engine {
        /// Bytes that all events in memory may cost before the largest tables are written to segments. At twice as many
        /// no appends are taken until that has made room.
        pub memtable_bytes_max: u64 = 268_435_456,
        /// Bytes of events of one shard in memory that are written out as one run. Runs are merged into ones of at most
        /// a seventh more, or 8 MiB, and a tail that comes to a run holds it whole, with 32 bytes more for each event.
        pub run_bytes_max: u64 = 29_360_128,
        /// Bytes of appends that one sync makes durable: enough to make the sync's cost small.
        pub group_bytes_max: usize = 4_194_304,
        /// Bytes of appends that may be under way at once.
        pub admission_bytes_max: u64 = 67_108_864,
        /// Of these, bytes of one table, so that one that is flooded leaves the others as much.
        pub admission_table_bytes_max: u64 = 33_554_432,
        /// Appends that may wait for their turn.
        pub admission_waiting_max: usize = 10_000,
        /// How long an append waits for its turn before it is refused as an overload.
        pub admission_wait_max: Period = Period::seconds(1),
        /// How long nothing must have come before a mark is written behind the last events, so that a disk that loses
        /// its last write loses no acknowledged event.
        pub idle_mark_after: Period = Period::millis(100),
        /// How long a store must have been open, with a clock that the kernel calls synchronised, before the time that it was
        /// closed makes events older: until then a wrong clock can still be set right. 0s: a sixteenth of the table's age,
        /// from 1 h to 1 d.
        pub clock_grace: Period = Period::seconds(0),
        /// Bytes of one journal file. The one that a new store begins with has no more than 2 MiB, and so has the one
        /// that is kept ready for a full disk: a store that holds little takes little.
        pub journal_file_bytes: u64 = 67_108_864,
        /// Journal files that are kept to be used again while events come in: writing into them is twice as fast as into
        /// new ones.
        pub journal_spare_files_max: usize = 4,
        /// Journal files that events in memory may hold back before they are written out however few they are, over any
        /// number of starts. Opening the store reads at most so many.
        pub journal_files_max: u32 = 8,
        /// How long nothing must have been appended before the spare journal files are given back to the file system. A
        /// store that is busy again makes them again, which writes as many bytes.
        pub journal_idle_after: Period = Period::seconds(60),
        /// Bytes of one manifest file.
        pub manifest_file_bytes: u64 = 4_194_304,
        /// Bytes of decoded blocks and indexes that are kept for scans.
        pub cache_bytes_max: usize = 536_870_912,
        /// Bytes of decoded runs that are kept for tails; room for one run is always made.
        pub cache_runs_bytes_max: usize = 268_435_456,
        /// Bytes that the directory of partitions keeps in memory: as many as suit 10 million partitions.
        pub directory_cache_bytes_max: u64 = 67_108_864,
        /// Threads that read for callers what is not in memory. Each may hold an index and a block of every run of a
        /// table at once: about a hundredth of the table's events where those are spread over time.
        pub read_threads: usize = 4,
    }
}

impl Engine {
    /// Sets these limits where an engine is opened.
    pub fn apply(&self, options: &mut Options) {
        options.memtable_bytes_max = self.memtable_bytes_max;
        options.run_bytes_max = self.run_bytes_max;
        options.group_bytes_max = self.group_bytes_max;
        options.admission_bytes_max = self.admission_bytes_max;
        options.admission_table_bytes_max = self.admission_table_bytes_max;
        options.admission_waiting_max = self.admission_waiting_max;
        options.admission_wait_max = self.admission_wait_max.get();
        options.idle_mark_after = self.idle_mark_after.get();
        options.clock_grace = Some(self.clock_grace.get()).filter(|grace| !grace.is_zero());
        options.journal.file_bytes = self.journal_file_bytes;
        options.journal.spare_files_max = self.journal_spare_files_max;
        options.journal_files_max = self.journal_files_max;
        options.journal_idle_after = self.journal_idle_after.get();
        options.manifest.file_bytes = self.manifest_file_bytes;
        options.cache.parts_bytes = self.cache_bytes_max;
        options.cache.decoded_runs_bytes = self.cache_runs_bytes_max;
        options.directory_cache_bytes = self.directory_cache_bytes_max;
        options.read_threads = self.read_threads;
    }

    /// What is wrong with the values, taken together.
    pub(super) fn problem(&self) -> Option<String> {
        let positive = [
            ("memtable_bytes_max", self.memtable_bytes_max),
            ("run_bytes_max", self.run_bytes_max),
            ("group_bytes_max", self.group_bytes_max as u64),
            ("admission_bytes_max", self.admission_bytes_max),
            ("admission_table_bytes_max", self.admission_table_bytes_max),
            ("journal_files_max", u64::from(self.journal_files_max)),
            ("read_threads", self.read_threads as u64),
        ];
        let zero = positive.into_iter().find(|(_, value)| *value == 0);
        zero.map(|(name, _)| format!("engine.{name} is 0; it is at least 1"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The settings that options stand at.
    fn of(options: &Options) -> Engine {
        let period = |time: std::time::Duration| Period::millis(u64::try_from(time.as_millis()).expect("some seconds"));
        Engine {
            memtable_bytes_max: options.memtable_bytes_max,
            run_bytes_max: options.run_bytes_max,
            group_bytes_max: options.group_bytes_max,
            admission_bytes_max: options.admission_bytes_max,
            admission_table_bytes_max: options.admission_table_bytes_max,
            admission_waiting_max: options.admission_waiting_max,
            admission_wait_max: period(options.admission_wait_max),
            idle_mark_after: period(options.idle_mark_after),
            clock_grace: period(options.clock_grace.unwrap_or_default()),
            journal_file_bytes: options.journal.file_bytes,
            journal_spare_files_max: options.journal.spare_files_max,
            journal_files_max: options.journal_files_max,
            journal_idle_after: period(options.journal_idle_after),
            manifest_file_bytes: options.manifest.file_bytes,
            cache_bytes_max: options.cache.parts_bytes,
            cache_runs_bytes_max: options.cache.decoded_runs_bytes,
            directory_cache_bytes_max: options.directory_cache_bytes,
            read_threads: options.read_threads,
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_engine() {
        assert_eq!(of(&Options::in_directory("annals-data")), Engine::default());
    }

    #[test]
    fn every_setting_reaches_the_engine() {
        let set = Engine {
            memtable_bytes_max: 1,
            run_bytes_max: 2,
            group_bytes_max: 3,
            admission_bytes_max: 4,
            admission_table_bytes_max: 5,
            admission_waiting_max: 6,
            admission_wait_max: Period::millis(7),
            idle_mark_after: Period::millis(8),
            clock_grace: Period::millis(17),
            journal_file_bytes: 9,
            journal_spare_files_max: 10,
            journal_files_max: 11,
            journal_idle_after: Period::millis(18),
            manifest_file_bytes: 12,
            cache_bytes_max: 13,
            cache_runs_bytes_max: 14,
            directory_cache_bytes_max: 15,
            read_threads: 16,
        };
        let mut options = Options::in_directory("annals-data");
        set.apply(&mut options);
        assert_eq!(of(&options), set);
    }
}
