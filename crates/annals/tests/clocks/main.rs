//! The real binary under clocks that are wrong, are set, or go on while the machine sleeps: what was acknowledged stays for
//! its table's age, and goes after it.
//!
//! A library that is loaded before the C library shifts the clocks, so this runs on Linux, with the C compiler that
//! building needs anyway.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use annals_testkit::process::ServerProcess;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_annals");
const SHIFT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clocks/shift.c");

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;
/// `STA_UNSYNC` of the kernel.
const NOT_SYNCHRONISED: i64 = 0x40;

/// Longer than two looks of retention take, 10 s apart, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(3);

/// A server whose clocks the test shifts, and its table `k.t` with an age of 4 hours.
struct Shifted {
    folder: TempDir,
    server: Option<ServerProcess>,
}

impl Shifted {
    /// None, and a word, where there is no C compiler.
    fn start(wall: i64, status: i64) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let library = folder.path().join("shift.so");
        let compiled = Command::new("cc").args(["-shared", "-fPIC", "-O1", SHIFT, "-o"]).arg(&library).status();
        if !compiled.is_ok_and(|status| status.success()) {
            eprintln!("skipped: no C compiler made {}", library.display());
            return None;
        }
        let mut shifted = Self { folder, server: None };
        shifted.set("boot", 0);
        shifted.open(wall, status);
        shifted.annals(&["table", "create", "k.t", "--retention-age", "4h"]);
        shifted.annals(&["table", "create", "k.filler", "--retention-age", "1s"]);
        Some(shifted)
    }

    /// Starts the server; it is killed before if it runs.
    fn open(&mut self, wall: i64, status: i64) {
        if let Some(server) = self.server.take() {
            server.kill().expect("killed");
        }
        self.set("wall", wall);
        self.set("status", status);
        let (library, data) = (self.path("shift.so"), self.path("store"));
        let (wall, boot, status) = (self.path("wall"), self.path("boot"), self.path("status"));
        let variables: [(&str, &Path); 4] =
            [("LD_PRELOAD", &library), ("SHIFT_WALL", &wall), ("SHIFT_BOOT", &boot), ("SHIFT_STATUS", &status)];
        self.server = Some(ServerProcess::start_with_environment(Path::new(BINARY), &data, &variables));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn set(&self, clock: &str, seconds: i64) {
        // Put in place whole: the server may read it at any time.
        let written = self.path("written");
        fs::write(&written, seconds.to_string()).expect("written");
        fs::rename(written, self.path(clock)).expect("renamed");
    }

    fn annals(&self, arguments: &[&str]) -> String {
        let server = self.server.as_ref().expect("it runs").uri();
        let output = Command::new(BINARY).args(arguments).env("ANNALS_SERVER", server).output().expect("it runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    fn append(&self, table: &str) {
        self.annals(&["append", table, r#"{"key":"a"}"#, r#"{"key":"b"}"#, r#"{"key":"c"}"#]);
    }

    fn count(&self, table: &str) -> u64 {
        let told = self.annals(&["count", table, "--json"]);
        let digits: String =
            told.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or_else(|_| panic!("{told} has a number"))
    }

    fn log(&self) -> String {
        self.server.as_ref().expect("it runs").log()
    }

    #[track_caller]
    fn until_gone(&self, table: &str) {
        let start = Instant::now();
        while self.count(table) > 0 {
            assert!(start.elapsed() < PATIENCE, "{table} still holds events; the server wrote:\n{}", self.log());
        }
    }

    /// Lets retention look until it has written out and removed what is old, twice.
    #[track_caller]
    fn let_retention_look(&self) {
        for _ in 0..2 {
            self.append("k.filler");
            self.until_gone("k.filler");
        }
    }
}

#[test]
fn a_wall_clock_that_is_set_while_the_server_runs_removes_nothing_that_is_younger_than_its_age() {
    let Some(shifted) = Shifted::start(0, 0) else { return };
    for (nth, step) in (1..).zip([HOUR, -HOUR, DAY, -DAY, 10 * YEAR, -10 * YEAR]) {
        shifted.set("wall", step);
        shifted.append("k.t");
        shifted.let_retention_look();
        assert_eq!(shifted.count("k.t"), 3 * nth, "after a step by {} h", step / HOUR);
    }
    assert!(shifted.log().contains("the wall clock was set"), "{}", shifted.log());
}

#[test]
fn a_clock_that_is_years_ahead_at_the_start_removes_nothing_before_it_is_synchronised() {
    let Some(mut shifted) = Shifted::start(0, 0) else { return };
    shifted.append("k.t");
    shifted.open(10 * YEAR, NOT_SYNCHRONISED);
    shifted.append("k.t");
    shifted.let_retention_look();
    assert_eq!(shifted.count("k.t"), 6, "started 10 years ahead");
    assert!(shifted.log().contains("the store was closed for"), "{}", shifted.log());
    shifted.open(0, 0);
    shifted.append("k.t");
    shifted.let_retention_look();
    assert_eq!(shifted.count("k.t"), 9, "started right again");
}

#[test]
fn a_suspend_makes_older_what_was_there_before_and_nothing_else() {
    let Some(shifted) = Shifted::start(0, 0) else { return };
    shifted.append("k.t");
    shifted.set("boot", 5 * HOUR);
    shifted.set("wall", 5 * HOUR);
    shifted.until_gone("k.t");
    shifted.append("k.t");
    shifted.let_retention_look();
    assert_eq!(shifted.count("k.t"), 3, "what came after the machine had slept for longer than the age");
}

#[test]
fn the_time_that_a_server_was_off_counts_once_it_has_run_for_the_grace() {
    let Some(mut shifted) = Shifted::start(-5 * HOUR, 0) else { return };
    shifted.append("k.t");
    shifted.open(0, 0);
    shifted.let_retention_look();
    assert_eq!(shifted.count("k.t"), 3, "within the grace");
    shifted.set("boot", HOUR + 60);
    shifted.set("wall", HOUR + 60);
    shifted.until_gone("k.t");
}
