//! What to compact: pure decisions over sizes.
//!
//! Two things grow with time and must not: the runs of a shard, since a scan asks each of them, and the files, since
//! each costs a descriptor and a place in the manifest. Small runs that follow each other are merged up to the size
//! of a full run; files are joined, run by run and undecoded, up to the size of a full file.
//!
//! The promise is that no byte is rewritten often. A merge makes a run at least twice as large as the largest that
//! went into it, or full, and a full run is never merged again: so a byte is merged at most log2(full / smallest) + 1
//! times. A join grows files fourfold, and a file is rewritten for its dead bytes only when they are half of it.

use std::ops::Range;

use annals_storage::segment::{RUN_BYTES_MAX, RUN_EVENTS_MAX};

/// Fewer runs than these are merged only if that makes a full one.
const MERGE_RUNS_MIN: usize = 8;

/// Runs that one merge reads at most: each holds a decoded block while the merge lasts.
const MERGE_RUNS_MAX: usize = 64;

/// A file of so many bytes is full: it is rewritten only once half of it is dead.
const FILE_BYTES_FULL: u64 = 512 * 1024 * 1024;

/// Bytes of a joined file at most.
pub(super) const FILE_BYTES_MAX: u64 = 2 * FILE_BYTES_FULL;

/// Fewer files than these are not worth a join.
const JOIN_FILES_MIN: usize = 8;

/// The size of a run that no merge takes or reaches across.
pub(super) const RUN_LEFT_ALONE: u64 = RUN_BYTES_MAX;

/// Runs are merged up to so many bytes whatever is flushed: where memory is very small, there would be too many.
const MERGED_BYTES_LEAST: u64 = 8 * 1024 * 1024;

/// Bytes of a merged run at most, where memtables become runs of `flushed_bytes`: what a flushed run may have grown past
/// that, by a group, still fits.
pub fn merged_run_bytes_max(flushed_bytes: u64) -> u64 {
    flushed_bytes.saturating_add(flushed_bytes / 7).clamp(MERGED_BYTES_LEAST, RUN_BYTES_MAX)
}

/// How large a run is, in bytes: that of its events, or more if it is nearer to the limit of their number.
pub(super) fn run_size(event_bytes: u64, event_count: u32) -> u64 {
    const BYTES_PER_EVENT: u64 = RUN_BYTES_MAX / RUN_EVENTS_MAX as u64;
    event_bytes.max(u64::from(event_count) * BYTES_PER_EVENT)
}

/// The next runs of a shard to merge into one.
///
/// `sizes` are the sizes of the shard's runs in the order of their sequences; a merge takes neighbours only, and makes
/// a run of at most `run_bytes_max`. A run of half of that is full: it is not merged again.
/// `barriers` are indexes that no merge reaches across: one of them at 3 keeps the runs up to 2 and those from 3
/// apart. `may_be_one` tells whether some neighbours may be one run at all. None if nothing is worth it.
pub(super) fn next_merge(
    sizes: &[u64],
    run_bytes_max: u64,
    barriers: &[usize],
    may_be_one: impl Fn(Range<usize>) -> bool,
) -> Option<Range<usize>> {
    let full = run_bytes_max / 2;
    let mut best: Option<Range<usize>> = None;
    for start in 0..sizes.len() {
        let (mut total, mut largest) = (0, 0);
        for (end, &size) in (start + 1..).zip(&sizes[start..]).take(MERGE_RUNS_MAX) {
            let stops = size >= full || (end - 1 > start && barriers.contains(&(end - 1)));
            if stops || total + size > run_bytes_max || !may_be_one(start..end) {
                break;
            }
            total += size;
            largest = largest.max(size);
            let count = end - start;
            let grows = count >= MERGE_RUNS_MIN && total >= 2 * largest;
            let fills = count >= 2 && total >= full;
            if (grows || fills) && best.as_ref().is_none_or(|best| count > best.len()) {
                best = Some(start..end);
            }
        }
    }
    best
}

/// A segment file as the policy sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileSize {
    /// Bytes of the file.
    pub(super) length: u64,
    /// Bytes of those of its runs that are still there.
    pub(super) live: u64,
}

impl FileSize {
    fn is_half_dead(&self) -> bool {
        self.live <= self.length / 2
    }
}

/// The next files to join into one, as ascending indexes into `files`; empty if nothing is worth it.
///
/// Files without live runs are not considered: they are removed, not joined. Unless the files `are_many`, only one
/// that is half dead is chosen.
pub(super) fn next_join(files: &[FileSize], are_many: bool) -> Vec<usize> {
    let mut small: Vec<usize> = (0..files.len())
        .filter(|&index| files[index].live > 0 && (files[index].live < FILE_BYTES_FULL || files[index].is_half_dead()))
        .collect();
    small.sort_by_key(|&index| files[index].live);
    let mut best = 0..0;
    for start in (0..small.len()).take_while(|_| are_many) {
        let mut total = 0;
        for (end, &index) in (start + 1..).zip(&small[start..]) {
            total += files[index].live;
            if total > FILE_BYTES_MAX {
                break;
            }
            // Sorted by size, so the file added last is the largest.
            if end - start >= JOIN_FILES_MIN.max(best.len() + 1) && total >= 4 * files[index].live {
                best = start..end;
            }
        }
    }
    let mut chosen = small[best].to_vec();
    if chosen.is_empty() {
        chosen.extend(small.iter().copied().find(|&index| files[index].is_half_dead()));
    }
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn a_run_of_tiny_events_is_full_by_their_number() {
        assert_eq!(run_size(20 * MIB, 1), 20 * MIB);
        assert_eq!(run_size(MIB, RUN_EVENTS_MAX), RUN_BYTES_MAX);
    }

    fn merge(sizes: &[u64], barriers: &[usize]) -> Option<Range<usize>> {
        next_merge(sizes, RUN_BYTES_MAX, barriers, |_| true)
    }

    #[test]
    fn what_may_not_be_one_run_is_not_merged() {
        assert_eq!(next_merge(&[MIB; 16], RUN_BYTES_MAX, &[], |range| range.len() <= 9), Some(0..9));
        assert_eq!(next_merge(&[MIB; 16], RUN_BYTES_MAX, &[], |range| range.len() <= 7), None);
    }

    #[test]
    fn small_neighbours_are_merged_and_full_runs_are_left() {
        let between_full = |small: usize| [vec![20 * MIB], vec![MIB; small], vec![20 * MIB]].concat();
        assert_eq!(merge(&between_full(8), &[]), Some(1..9));
        assert_eq!(merge(&between_full(7), &[]), None);
        assert_eq!(merge(&[9 * MIB, 9 * MIB], &[]), Some(0..2));
        assert_eq!(merge(&[16 * MIB, 16 * MIB], &[]), None);
    }

    #[test]
    fn no_merge_passes_what_runs_may_hold() {
        let runs_of_seven = [7 * MIB; 4];
        assert_eq!(next_merge(&runs_of_seven, merged_run_bytes_max(28 * MIB), &[], |_| true), Some(0..4));
        assert_eq!(next_merge(&runs_of_seven, merged_run_bytes_max(13 * MIB), &[], |_| true), Some(0..2));
        assert_eq!(next_merge(&runs_of_seven, merged_run_bytes_max(7 * MIB), &[], |_| true), None);
        assert_eq!(next_merge(&[MIB / 8; 64], merged_run_bytes_max(1), &[], |_| true), Some(0..64));
        assert_eq!(merged_run_bytes_max(u64::MAX), RUN_BYTES_MAX);
    }

    #[test]
    fn a_large_run_is_not_rewritten_for_a_few_small_ones() {
        assert_eq!(merge(&[vec![5 * MIB], vec![MIB; 4]].concat(), &[]), None);
        assert_eq!(merge(&[vec![8 * MIB], vec![MIB / 2; 7]].concat(), &[]), None);
    }

    #[test]
    fn no_merge_reaches_across_a_barrier() {
        assert_eq!(merge(&[MIB; 11], &[3]), Some(3..11));
        assert_eq!(merge(&[MIB; 10], &[3]), None);
    }

    #[test]
    fn runs_stay_few_and_no_byte_is_merged_often() {
        let seed: u64 = rand::rng().random();
        eprintln!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        for largest in [64 * 1024, 4 * MIB, 32 * MIB] {
            // Each run with how often the most rewritten of its bytes was merged.
            let mut runs: Vec<(u64, u32)> = Vec::new();
            let mut flushed = 0;
            for _ in 0..2_000 {
                let size = random.random_range(1024..=largest);
                flushed += size;
                runs.push((size, 0));
                while let Some(range) = merge(&runs.iter().map(|run| run.0).collect::<Vec<_>>(), &[]) {
                    let total = runs[range.clone()].iter().map(|run| run.0).sum();
                    let merges = runs[range.clone()].iter().map(|run| run.1).max().expect("runs") + 1;
                    runs.splice(range, [(total, merges)]);
                }
            }
            let full = usize::try_from(flushed / (RUN_BYTES_MAX / 2)).expect("few") + 1;
            assert!(runs.len() <= 3 * full + 40, "{} runs of {flushed} bytes, seed {seed}", runs.len());
            assert!(runs.iter().all(|run| run.0 <= RUN_BYTES_MAX && run.1 <= 15), "{runs:?}, seed {seed}");
        }
    }

    #[test]
    fn files_stay_few_and_no_byte_is_joined_often() {
        let seed: u64 = rand::rng().random();
        eprintln!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let mut files: Vec<(FileSize, u32)> = Vec::new();
        for _ in 0..3_000 {
            let length = random.random_range(1024..40 * MIB);
            files.push((FileSize { length, live: length }, 0));
            loop {
                let join = next_join(&files.iter().map(|file| file.0).collect::<Vec<_>>(), true);
                if join.is_empty() {
                    break;
                }
                let live = join.iter().map(|&index| files[index].0.live).sum();
                let joins = join.iter().map(|&index| files[index].1).max().expect("files") + 1;
                for index in join.into_iter().rev() {
                    files.swap_remove(index);
                }
                files.push((FileSize { length: live, live }, joins));
            }
        }
        let total: u64 = files.iter().map(|file| file.0.live).sum();
        let full = usize::try_from(total / FILE_BYTES_FULL).expect("few") + 1;
        assert!(files.len() <= 2 * full + 60, "{} files of {total} bytes, seed {seed}", files.len());
        assert!(files.iter().all(|file| file.1 <= 10), "seed {seed}");
    }

    #[test]
    fn a_half_dead_file_is_rewritten_and_a_dead_one_is_not() {
        let whole = FileSize { length: 900 * MIB, live: 900 * MIB };
        let half_dead = FileSize { length: 900 * MIB, live: 400 * MIB };
        let dead = FileSize { length: MIB, live: 0 };
        for are_many in [false, true] {
            assert_eq!(next_join(&[whole, half_dead, dead], are_many), [1]);
            assert_eq!(next_join(&[whole, dead], are_many), [0_usize; 0]);
        }
    }
}
