//! The allocator of the binary, and how it is set.
//!
//! Every append and every page moves buffers from thread to thread, which the allocator of glibc pays for with locks.
//! mimalloc does not; but it gives memory that is free for a second back to the operating system, and a flush frees more
//! at once than appends take up in that time: the rest is taken from the system again, page by page, each zeroed.
//!
//! Where little memory may be taken it is the other way round: what lies free in the allocator, and what the system adds
//! to fill up large pages, came to as much again as the server had in use. There free memory goes back at once, and large
//! pages are not asked for.
//!
//! mimalloc is set by environment variables alone, which it reads before `main`. So a command that runs a server puts
//! its own program in its place once, with the variables; process id, arguments and files stay what they were.

use mimalloc::MiMalloc;

use crate::memory_limit::memory_limit;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How mimalloc is told how many milliseconds it keeps free memory. Whoever sets it decides, also over large pages.
const PURGE_DELAY: &str = "MIMALLOC_PURGE_DELAY";

/// How mimalloc is told whether it may ask for large pages.
const LARGE_PAGES: &str = "MIMALLOC_ALLOW_THP";

/// What is set where there is memory enough: longer than memory lies free between two flushes of a server that appends
/// at its limit.
const AMPLE: &[(&str, &str)] = &[(PURGE_DELAY, "10000")];

/// What is set where there is little. It costs a tenth of the processor's time.
const SCARCE: &[(&str, &str)] = &[(PURGE_DELAY, "0"), (LARGE_PAGES, "0")];

/// A process that may have less than this has little memory: the defaults of a server's limits add up to about as much.
const SCARCE_BELOW: u64 = 2 * 1024 * 1024 * 1024;

/// Starts this program anew with the allocator set for a server; does nothing where it is set. Where the program cannot
/// be started it goes on as it is: that costs speed, or memory.
#[cfg(unix)]
pub(crate) fn set_for_server() {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    if std::env::var_os(PURGE_DELAY).is_some() {
        return;
    }
    let is_scarce = memory_limit().is_some_and(|limit| limit < SCARCE_BELOW);
    let variables = if is_scarce { SCARCE } else { AMPLE };
    let mut arguments = std::env::args_os();
    let (Ok(program), Some(name)) = (std::env::current_exe(), arguments.next()) else { return };
    let error = Command::new(program).arg0(name).args(arguments).envs(variables.iter().copied()).exec();
    eprintln!("annals: the allocator stays as it is, since this program could not be started anew: {error}");
}

/// Does nothing: other systems cannot put a program in the place of a running one.
#[cfg(not(unix))]
pub(crate) fn set_for_server() {}
