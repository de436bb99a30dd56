//! How much memory the operating system lets this process have.
//!
//! On Linux that is the least limit of the control groups that the process is in, of either version, and what the machine
//! has. A limit is not a promise: other processes of the same group take their part of it.

use std::fs;
use std::path::Path;

/// Where the control groups of version 1 that limit memory lie, and those of version 2, with the names of their limits.
const VERSION_1: (&str, &str) = ("/sys/fs/cgroup/memory", "memory.limit_in_bytes");
const VERSION_2: (&str, &str) = ("/sys/fs/cgroup", "memory.max");

/// Bytes that this process may have; none if the operating system does not tell.
pub(crate) fn memory_limit() -> Option<u64> {
    let read = |path: &Path| fs::read_to_string(path).ok();
    let groups = read(Path::new("/proc/self/cgroup")).and_then(|groups| group_limit(&groups, read));
    let machine = read(Path::new("/proc/meminfo")).and_then(|text| machine_bytes(&text));
    groups.into_iter().chain(machine).min()
}

/// The least limit of the groups that `/proc/self/cgroup` names and those above them.
fn group_limit(groups: &str, read: impl Fn(&Path) -> Option<String>) -> Option<u64> {
    let mut least = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else { continue };
        let (root, name) = match controllers {
            "" => VERSION_2,
            several if several.split(',').any(|controller| controller == "memory") => VERSION_1,
            _ => continue,
        };
        // In a container the group's own folder may be the root itself; what is not there limits nothing.
        for folder in Path::new(group.trim_start_matches('/')).ancestors() {
            let limit = read(&Path::new(root).join(folder).join(name)).and_then(|text| text.trim().parse::<u64>().ok());
            least = least.into_iter().chain(limit).min();
        }
    }
    least
}

/// What `/proc/meminfo` tells of the machine's memory.
fn machine_bytes(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files by their paths.
    fn files<'a>(present: &'a [(&str, &str)]) -> impl Fn(&Path) -> Option<String> + 'a {
        |path| present.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| (*text).to_owned())
    }

    #[test]
    fn the_least_limit_of_a_group_and_those_above_it_holds() {
        let version_2 = [
            ("/sys/fs/cgroup/system.slice/memory.max", "268435456\n"),
            ("/sys/fs/cgroup/system.slice/annals.service/memory.max", "max\n"),
        ];
        assert_eq!(group_limit("0::/system.slice/annals.service\n", files(&version_2)), Some(268_435_456));
        let version_1 = [
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("/sys/fs/cgroup/memory/small/memory.limit_in_bytes", "1048576\n"),
        ];
        let groups = "9:name=systemd:/elsewhere\n4:cpu,memory:/small\n3:pids:/other\n0::/\n";
        assert_eq!(group_limit(groups, files(&version_1)), Some(1_048_576));
        assert_eq!(group_limit("4:memory:/not/seen/here\n", files(&version_1)), Some(9_223_372_036_854_771_712));
    }

    #[test]
    fn what_limits_nothing_is_no_limit() {
        assert_eq!(group_limit("0::/\n3:pids:/other\nno group at all\n", files(&[])), None);
        assert_eq!(machine_bytes("SwapTotal:  0 kB\n"), None);
        assert_eq!(machine_bytes("MemTotal:       24689664 kB\nMemFree: 1 kB\n"), Some(24_689_664 * 1024));
    }
}
