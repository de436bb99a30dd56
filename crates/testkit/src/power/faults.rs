//! One call to the disk fails, in any way, while a workload runs: nothing acknowledged is lost, nothing refused is
//! stored, and reads go on; before and after the power goes.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::found::Found;
use super::timeline::Timeline;
use super::workload::Workload;
use super::{Wrong, on_runtime};
use crate::disk::{Calls, Failure, Fault, MemoryDisk, Operation};

/// Steps of a workload in which a call fails.
const STEPS: usize = 16;

/// How calls of a kind can fail.
pub fn failures(operation: Operation) -> &'static [Failure] {
    match operation {
        Operation::Read => &[Failure::Io, Failure::Short],
        Operation::Write => &[Failure::Io, Failure::Full, Failure::Short],
        Operation::Open | Operation::List | Operation::Length | Operation::Lock => &[Failure::Io],
        _ => &[Failure::Io, Failure::Full],
    }
}

/// The calls that the workload of a seed makes when none fails; another run may make a few more or less.
///
/// # Errors
/// When it fails all the same.
pub fn calls(seed: u64) -> Result<Calls, Wrong> {
    let disk = MemoryDisk::new();
    on_runtime(seed, "no-fault", async {
        let mut workload = Workload::new(disk.clone(), Timeline::default(), seed);
        workload.run(STEPS).await.map_err(|what| (what, disk.copy()))
    })?;
    Ok(disk.calls())
}

/// Runs the workload of a seed while a call fails, then cuts the power.
///
/// # Errors
/// When the store does not hold what it must, before or after.
pub fn run_with_fault(seed: u64, fault: Fault) -> Result<(), Wrong> {
    let disk = MemoryDisk::new();
    disk.set_fault(Some(fault));
    on_runtime(seed, "fault", async {
        let work = async {
            let mut workload = Workload::new(disk.clone(), Timeline::default(), seed);
            workload.run_and_check(STEPS).await?;
            let mut random = StdRng::seed_from_u64(seed);
            let share = [0.0, 0.5, 1.0][random.random_range(0..3)];
            disk.power_cut(|_| random.random_bool(share));
            let mut workload = Workload::new(disk.clone(), workload.timeline, seed);
            let engine = workload.open().map_err(|error| format!("it cannot be opened again: {error}"))?;
            let found = Found::read(engine).await?;
            workload.timeline.place_unknown(&found)?;
            workload.timeline.check(usize::MAX, &found)?;
            workload.go_on(&found).await
        };
        work.await.map_err(|what| (format!("{fault:?}: {what}"), disk.copy()))
    })
}
