//! `annals demo`, as the README's first command runs it: it ends by itself, shows what it promises, and can be run again.

use std::path::Path;
use std::process::Command;

fn demo(data: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_annals"))
        .arg("demo")
        .arg("--data")
        .arg(data)
        .output()
        .expect("the binary runs");
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{error}", output.status);
    assert!(!out.contains('\u{1b}'), "colours are for terminals");
    out.into_owned()
}

#[test]
fn the_demo_shows_the_week_and_finds_it_stored_when_it_is_run_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("a store");
    let first = demo(&data);
    for expected in [
        "imported 17,000 events",
        // The aircraft's day, in time order: it left before it was due, and both became known at once.
        "Fri  8 Feb 05:54  N351JB  departed   B6 380   EWR to BOS  6 min early     #5503",
        "13 events, times in New York",
        // The tail's last stored event, the seam, and the week's last event.
        "#17000\n  all that was stored has been delivered; from here on it is live\n",
        "#17292\n",
        "Nothing twice, nothing left out at the seam.",
        "10,596 of 17,292 events (61 %) arrived after one of a later time",
        "#10338  out of order by 2 h 45",
        "departed  1,555 events, at most 73 an hour (2013-02-08 08:00)",
        "cancelled  891 events, at most 68 an hour (2013-02-08 17:00)",
        "buf curl",
    ] {
        assert!(first.contains(expected), "{expected:?} is missing in\n{first}");
    }
    let second = demo(&data);
    assert!(second.contains("holds all 17,292 events of the week from an earlier run"), "{second}");
    assert!(second.contains("10,596 of 17,292 events"), "nothing was stored twice:\n{second}");
    assert!(second.contains("#292\n"), "the last evening is played again in a table of its own:\n{second}");
}
