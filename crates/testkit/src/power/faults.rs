//! One call to the disk fails, in any way, while a workload runs: nothing acknowledged is lost, nothing refused is
//! stored, and reads go on; before and after the power goes.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::found::Found;
use super::timeline::Timeline;
use super::workload::Workload;
use super::{Wrong, save};
use crate::disk::{Calls, Failure, Fault, MemoryDisk, Operation};
use crate::turns::Turns;

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
    let mut workload = Workload::new(disk.clone(), Timeline::default(), seed);
    let turns = Turns { seed, hour: 0 };
    let worked = turns.run(async move || workload.run(STEPS).await);
    worked.map_err(|what| save(seed, "no-fault", (what, disk.copy())))?;
    Ok(disk.calls())
}

/// Runs the workload of a seed while a call fails, then cuts the power.
///
/// # Errors
/// When the store does not hold what it must, before or after.
pub fn run_with_fault(seed: u64, fault: Fault) -> Result<(), Wrong> {
    let disk = MemoryDisk::new();
    disk.set_fault(Some(fault));
    let (turns, faulty) = (Turns { seed, hour: 0 }, disk.clone());
    let worked = turns.run(async move || work_with_fault(faulty, seed).await);
    worked.map_err(|what| save(seed, "fault", (format!("{fault:?}: {what}"), disk.copy())))
}

async fn work_with_fault(disk: MemoryDisk, seed: u64) -> Result<(), String> {
    let mut workload = Workload::new(disk.clone(), Timeline::default(), seed);
    workload.run_and_check(STEPS).await?;
    let mut random = StdRng::seed_from_u64(seed);
    let share = [0.0, 0.5, 1.0][random.random_range(0..3)];
    disk.power_cut(|_| random.random_bool(share));
    let mut workload = Workload::new(disk, workload.timeline, seed);
    let engine = workload.open().map_err(|error| format!("it cannot be opened again: {error}"))?;
    let found = Found::read(engine).await?;
    workload.timeline.place_unknown(&found)?;
    workload.timeline.check(usize::MAX, &found)?;
    workload.go_on(&found).await
}
