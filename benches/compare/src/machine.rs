//! The machine that a run was made on, in one line.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

/// Cores, processor, memory, file system of `data`, kernel.
pub(crate) fn words(data: &Path) -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unknown processor".to_owned());
    let memory = field("/proc/meminfo", "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    let gibibytes = memory.unwrap_or(0).div_ceil(1024 * 1024);
    let system = Command::new("stat").args(["--file-system", "--format=%T"]).arg(data).output();
    let system = system.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores of {processor}, {gibibytes} GiB, {system}, Linux {}", kernel.trim())
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
