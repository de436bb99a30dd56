//! How many connections the process's file descriptors allow, so that connections leave the store those that it needs:
//! a store that can open no file can't write.

use std::fs;

/// Descriptors that are not for connections: an engine holds at most 512 files open, and writes and logs a few more.
const RESERVED: usize = 512 + 64;

/// `asked_for`, or fewer if the process has no descriptors for that many; says so in the log.
pub fn connections_max(asked_for: usize) -> usize {
    // Only Linux tells it in a file; elsewhere accepting fails when there are too many, and goes on when there are fewer.
    let Some(descriptors) = fs::read_to_string("/proc/self/limits").ok().as_deref().and_then(soft_limit) else {
        return asked_for;
    };
    let allowed = left_for_connections(descriptors);
    if allowed < asked_for {
        tracing::warn!(
            "{allowed} connections may be open at once rather than {asked_for} (limits.connections_max): the process may \
             have {descriptors} file descriptors, and the store needs some; raise that by ulimit -n or LimitNOFILE"
        );
    }
    allowed.min(asked_for)
}

fn left_for_connections(descriptors: usize) -> usize {
    // Where there are few the store is hardly as large as to need that many files.
    descriptors - RESERVED.min(descriptors / 2)
}

fn soft_limit(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_the_store_its_files() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max processes             94637                94637                processes \n\
                      Max open files            1024                 1048576              files     \n";
        assert_eq!(soft_limit(limits), Some(1024));
        assert_eq!(soft_limit("Max open files            unlimited            unlimited            files"), None);
        assert_eq!([65_536, 1024, 100].map(left_for_connections), [64_960, 512, 50]);
    }
}
