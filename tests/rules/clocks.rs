//! Rules for clocks: below the doors only the files named here ask the time, so that a test can step it for all others.

use std::path::Path;

use crate::tree::{files, text};

/// Calls that ask a clock.
const ASKING: [&str; 6] = ["SystemTime::now", "Instant::now", ".elapsed()", "Utc::now", "Local::now", "clock_gettime"];

/// Each crate below the doors, with the files that may ask.
const ALLOWED: [(&str, &[&str]); 7] = [
    ("model", &[]),
    ("event", &[]),
    ("storage", &[]),
    ("engine", &[]),
    // The clock that is handed in, and the end of a wait for room, which no answer depends on.
    ("embedded", &["system_clock.rs", "admission/expiry.rs"]),
    ("wire", &[]),
    // Wall clocks that answers tell, and waits: callers' deadlines and heartbeats, which nothing that is stored depends on.
    ("service", &["clock.rs", "deadline.rs", "tail/steps.rs"]),
];

fn asks(path: &Path) -> bool {
    text(path).lines().any(|line| ASKING.iter().any(|call| line.contains(call)))
}

#[test]
fn below_the_doors_only_the_files_named_here_ask_the_time() {
    let sources = files(&[".rs"]);
    for (name, allowed) in ALLOWED {
        let folder = Path::new("crates").join(name).join("src");
        let asking: Vec<_> =
            sources.iter().filter_map(|path| path.strip_prefix(&folder).ok().zip(Some(path))).collect();
        assert!(!asking.is_empty(), "crates/{name}/src holds no sources");
        for (inside, path) in asking.into_iter().filter(|(_, path)| asks(path)) {
            let may = allowed.iter().any(|file| Path::new(file) == inside);
            assert!(may, "{} asks the time; take a clock instead", path.display());
        }
        for file in allowed {
            assert!(asks(&folder.join(file)), "crates/{name}/src/{file} asks no time any more; take it off the list");
        }
    }
}
