//! The allocator of the binary, and how it is set.
//!
//! Every append and every page moves buffers from thread to thread, which the allocator of glibc pays for with locks.
//! mimalloc does not; but it gives memory that is free for a second back to the operating system, and a flush frees more
//! at once than appends take up in that time: the rest is taken from the system again, page by page, each zeroed.
//!
//! mimalloc is set by environment variables alone, which it reads before `main`. So a command that runs a server puts
//! its own program in its place once, with the variable; process id, arguments and files stay what they were.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How mimalloc is told how long it keeps free memory. Whoever sets it decides.
const PURGE_DELAY: &str = "MIMALLOC_PURGE_DELAY";

/// Milliseconds: longer than memory lies free between two flushes of a server that appends at its limit.
const PURGE_DELAY_MILLIS: &str = "10000";

/// Starts this program anew with the allocator set for a server; does nothing where it is set. Where the program cannot
/// be started it goes on as it is: that costs speed alone.
#[cfg(unix)]
pub(crate) fn set_for_server() {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    if std::env::var_os(PURGE_DELAY).is_some() {
        return;
    }
    let mut arguments = std::env::args_os();
    let (Ok(program), Some(name)) = (std::env::current_exe(), arguments.next()) else { return };
    let error = Command::new(program).arg0(name).args(arguments).env(PURGE_DELAY, PURGE_DELAY_MILLIS).exec();
    eprintln!("annals: the allocator stays as it is, since this program could not be started anew: {error}");
}

/// Does nothing: other systems cannot put a program in the place of a running one.
#[cfg(not(unix))]
pub(crate) fn set_for_server() {}
