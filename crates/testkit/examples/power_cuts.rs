//! A million power cuts: `cargo run --release -p annals-testkit --example power_cuts`.
//!
//! Runs the workloads of consecutive seeds until so many images were compared. A wrong image ends it, with its seed and
//! the folder where the image was saved; `--seed N --images 1` runs that seed's workload again.

use std::num::NonZero;
use std::process::ExitCode;
use std::thread;

use annals_testkit::power;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

/// Cuts the power at every change that an engine makes to its disk.
#[derive(Parser)]
struct Args {
    /// Images to compare; the workload that is under way is brought to its end.
    #[arg(long, default_value_t = 1_000_000)]
    images: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Workloads at a time.
    #[arg(long, default_value_t = thread::available_parallelism().map_or(1, NonZero::get))]
    threads: usize,
    /// Runs the workload of the one seed, and prints a digest of all changes of the disk and all images that it met.
    #[arg(long)]
    digest: bool,
}

pub(crate) fn main() -> ExitCode {
    let Args { images, seed, threads, digest } = Args::parse();
    let outcome = if digest {
        power::digest_of_seed(seed)
            .map(|(tally, digest)| format!("seed {seed} has the digest {digest:016x}, of {tally:?}"))
    } else {
        let style = "{bar:40} {pos}/{len} images, {per_sec}, {eta} left";
        let bar = ProgressBar::new(images).with_style(ProgressStyle::with_template(style).expect("a template"));
        let outcome = power::run(seed, images, threads, |tally| bar.inc(tally.images));
        bar.finish();
        outcome.map(|tally| format!("from seed {seed} on: nothing lost, doubled or moved in {tally:?}"))
    };
    match outcome {
        Ok(what) => {
            eprintln!("{what}");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}
