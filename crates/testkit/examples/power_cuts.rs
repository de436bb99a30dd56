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
}

fn main() -> ExitCode {
    let Args { images, seed, threads } = Args::parse();
    let style = "{bar:40} {pos}/{len} images, {per_sec}, {eta} left";
    let bar = ProgressBar::new(images).with_style(ProgressStyle::with_template(style).expect("a template"));
    let outcome = power::run(seed, images, threads, |tally| bar.inc(tally.images));
    bar.finish();
    match outcome {
        Ok(tally) => {
            eprintln!("from seed {seed} on: nothing lost, doubled or moved in {tally:?}");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}
