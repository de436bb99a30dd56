//! The power goes at every change that an engine makes to its disk, and whatever was not synced is kept or lost.
//!
//! A generated workload runs on a disk in memory that records its changes. Then the changes are gone through again, and
//! the power is cut after each, and once more just before each sync, with any mix of the unsynced sectors and names
//! kept. Some of these images lose the power a second time, while they are opened. Each is opened and compared with
//! what was asked of the store and what it had answered by then; some go on working and are compared again. One of the
//! images is what the workload then goes on from.
//!
//! The seed decides what is asked of the store and what each cut keeps. How the engine's threads take turns at the disk
//! is not decided by it, so that the same seed can meet other images; one that fails is therefore saved.

mod faults;
mod found;
mod span;
mod timeline;
mod workload;

pub use faults::{calls, failures, run_with_fault};

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use self::found::Found;
use self::timeline::Timeline;
use self::workload::Workload;
use crate::disk::{MemoryDisk, Playback};

/// How often a workload loses its power and goes on from what is left.
const LIVES: u64 = 3;

/// Steps of a workload between two losses of power.
const STEPS: usize = 24;

/// What the workload of one seed came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Images that were opened and compared.
    pub images: u64,
    /// Of these, those that lost the power a second time while they were opened.
    pub cut_twice: u64,
    /// Changes of the disk after which the power went.
    pub changes: u64,
}

/// An image that did not hold what it must.
#[derive(Debug)]
pub struct Wrong {
    /// The seed of the workload.
    pub seed: u64,
    /// What is wrong.
    pub what: String,
    /// Where the image was saved, as a store's directory.
    pub saved: PathBuf,
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seed, what, saved } = self;
        write!(f, "seed {seed}: {what}\nThe image is saved in {}; look at it with `annals inspect`", saved.display())
    }
}

/// Runs the workloads of `seed`, `seed + 1`, … on so many threads until `images` images were compared, or one is wrong.
/// Calls `progress` with the count of each workload's images.
///
/// # Errors
/// The first wrong image.
///
/// # Panics
/// When a thread does.
pub fn run(seed: u64, images: u64, threads: usize, progress: impl Fn(&Tally) + Sync) -> Result<Tally, Wrong> {
    let (next_seed, left, is_over) = (AtomicU64::new(seed), AtomicU64::new(images), AtomicBool::new(false));
    let work = || {
        let mut total = Tally::default();
        while left.load(Ordering::SeqCst) > 0 && !is_over.load(Ordering::SeqCst) {
            let tally = run_seed(next_seed.fetch_add(1, Ordering::SeqCst)).inspect_err(|_| {
                is_over.store(true, Ordering::SeqCst);
            })?;
            progress(&tally);
            total.add(&tally);
            let _ =
                left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| Some(left.saturating_sub(tally.images)));
        }
        Ok(total)
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut total = Tally::default();
        for worker in workers {
            total.add(&worker.join().expect("a worker returns what is wrong")?);
        }
        Ok(total)
    })
}

/// Runs the workload of one seed.
///
/// # Errors
/// The first wrong image.
///
/// # Panics
/// When the system has no directory for what is wrong.
pub fn run_seed(seed: u64) -> Result<Tally, Wrong> {
    let mut cuts = Cuts { seed, tally: Tally::default() };
    on_runtime(seed, "cut", cuts.run())?;
    Ok(cuts.tally)
}

/// Runs something to its end; an image that is wrong is saved, under `name`.
fn on_runtime(seed: u64, name: &str, work: impl Future<Output = Checked<()>>) -> Result<(), Wrong> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(work).map_err(|(what, image)| {
        let saved = std::env::temp_dir().join(format!("annals-{name}-{seed}-{}", std::process::id()));
        image.save(&saved).expect("the image is saved");
        Wrong { seed, what, saved }
    })
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.images += other.images;
        self.cut_twice += other.cut_twice;
        self.changes += other.changes;
    }
}

/// The cuts of one seed's workload.
struct Cuts {
    seed: u64,
    tally: Tally,
}

type Checked<T> = Result<T, (String, MemoryDisk)>;

impl Cuts {
    async fn run(&mut self) -> Checked<()> {
        let mut disk = MemoryDisk::new();
        let mut timeline = Timeline::default();
        for life in 0..LIVES {
            disk.record();
            let mut workload = Workload::new(disk.clone(), timeline, self.seed * LIVES + life);
            workload.run(STEPS).await.map_err(|wrong| (format!("life {life}: {wrong}"), disk.copy()))?;
            timeline = workload.timeline;
            let recording = disk.take_recording().expect("it was begun above");
            let survives = self.random(life, usize::MAX).random_range(0..=recording.len());
            let mut playback = recording.play();
            loop {
                self.check_cuts(&playback, &timeline, life).await?;
                if playback.at() == survives {
                    let mut random = self.random(life, survives);
                    disk = playback.cut(|_| random.random());
                }
                if !playback.step() {
                    break;
                }
            }
            self.tally.changes += recording.len() as u64;
            timeline = self.adopt(&disk, timeline, survives).await?;
        }
        Ok(())
    }

    /// What decides a cut is the seed and the place alone.
    fn random(&self, life: u64, at: usize) -> StdRng {
        StdRng::seed_from_u64((self.seed * LIVES + life) << 32 | at as u64)
    }

    /// The images of a power cut here.
    async fn check_cuts(&mut self, playback: &Playback<'_>, timeline: &Timeline, life: u64) -> Checked<()> {
        let at = playback.at();
        let mut random = self.random(life, at);
        let cuts = if playback.is_before_sync() { 2 } else { 1 };
        for _ in 0..cuts {
            let share = if random.random_bool(0.2) { 0.0 } else { random.random_range(0.0..=1.0) };
            let mut image = playback.cut(|_| random.random_bool(share));
            if random.random_bool(0.25) {
                image = cut_while_opened(&image, &mut random);
                self.tally.cut_twice += 1;
            }
            self.tally.images += 1;
            let goes_on = random.random_bool(0.1).then(|| random.random());
            check(&image, timeline, at, goes_on).await.map_err(|what| {
                let what = format!("life {life}, after {at} changes, image {}: {what}", self.tally.images);
                (what, image)
            })?;
        }
        Ok(())
    }

    /// The timeline as it goes on from an image.
    async fn adopt(&self, image: &MemoryDisk, mut timeline: Timeline, at: usize) -> Checked<Timeline> {
        let found = read(&image.copy()).await.and_then(|found| timeline.check(at, &found).map(|()| found));
        timeline.adopt(&found.map_err(|what| (what, image.copy()))?);
        Ok(timeline)
    }
}

/// Takes the power away once more, at any change that opening makes.
fn cut_while_opened(image: &MemoryDisk, random: &mut StdRng) -> MemoryDisk {
    image.record();
    // One that cannot be opened is found out when it is compared.
    drop(annals_engine::EmbeddedEngine::open(workload::options(image)));
    let recording = image.take_recording().expect("it was begun above");
    let mut playback = recording.play();
    playback.step_to(random.random_range(0..=recording.len()));
    let share = random.random_range(0.0..=1.0);
    playback.cut(|_| random.random_bool(share))
}

async fn read(image: &MemoryDisk) -> Result<Found, String> {
    let mut workload = Workload::new(image.clone(), Timeline::default(), 0);
    workload.open().map_err(|error| format!("it cannot be opened: {error}"))?;
    workload.read().await
}

/// Opens an image and compares it; with a seed, works on with it and compares it again.
async fn check(image: &MemoryDisk, timeline: &Timeline, at: usize, goes_on: Option<u64>) -> Result<(), String> {
    let image = image.copy();
    let Some(seed) = goes_on else {
        return timeline.check(at, &read(&image).await?);
    };
    let mut workload = Workload::new(image.clone(), timeline.clone(), seed);
    let engine = workload.open().map_err(|error| format!("it cannot be opened: {error}"))?;
    let found = Found::read(engine).await?;
    timeline.check(at, &found)?;
    found.check_scans(engine).await?;
    workload.go_on(&found).await.map_err(|wrong| format!("after going on: {wrong}"))
}
