//! The power goes at every change that an engine makes to its disk, and whatever was not synced is kept or lost.
//!
//! A generated workload runs on a disk in memory that records its changes. Then the changes are gone through again, and
//! the power is cut after each, and once more just before each sync, with any mix of the unsynced sectors and names
//! kept. Some of these images lose the power a second time, while they are opened. Each is opened and compared with
//! what was asked of the store and what it had answered by then; some go on working and are compared again. One of the
//! images is what the workload then goes on from.
//!
//! The seed decides what is asked of the store and what each cut keeps. Here it does not decide how the engine's threads
//! take turns at the disk, so that the same seed can meet other images; one that fails is therefore saved. Compiled over
//! threads that are simulated, in `tests/shuttle/testkit`, it decides these too, and the same seed meets the same images.

mod faults;
mod found;
mod span;
mod timeline;
mod workload;

pub use faults::{calls, failures, run_with_fault};

use std::hash::{DefaultHasher, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use annals_embedded::EmbeddedEngine;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use self::found::Found;
use self::timeline::Timeline;
use self::workload::Workload;
use crate::disk::{MemoryDisk, Playback};
use crate::turns::{self, Turns};

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
        writeln!(f, "seed {seed}: {what}")?;
        writeln!(f, "{}", turns::replay(*seed))?;
        write!(f, "The image is saved in {}; look at it with `annals inspect`", saved.display())
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
    Cuts::new(seed, None).run_to_the_end().map(|(tally, _)| tally)
}

/// Runs the workload of one seed; gives a digest of all changes of the disk, of all images, and of the disk that each
/// leaves which is worked on with. It is the same each time where the seed decides everything.
///
/// # Errors
/// The first wrong image.
///
/// # Panics
/// When the system has no directory for what is wrong.
pub fn digest_of_seed(seed: u64) -> Result<(Tally, u64), Wrong> {
    Cuts::new(seed, Some(DefaultHasher::new())).run_to_the_end()
}

/// Saves an image that is wrong, under `name`.
fn save(seed: u64, name: &str, (what, image): (String, MemoryDisk)) -> Wrong {
    let saved = std::env::temp_dir().join(format!("annals-{name}-{seed}-{}", std::process::id()));
    image.save(&saved).expect("the image is saved");
    Wrong { seed, what, saved }
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
    /// Of all changes and images so far, if that is asked for.
    digest: Option<DefaultHasher>,
}

/// What came of something; or what is wrong, and the image that is.
type Checked<T> = Result<T, (String, MemoryDisk)>;

impl Cuts {
    fn new(seed: u64, digest: Option<DefaultHasher>) -> Self {
        Self { seed, tally: Tally::default(), digest }
    }

    fn run_to_the_end(mut self) -> Result<(Tally, u64), Wrong> {
        let _announced = turns::announce(self.seed);
        self.run().map_err(|wrong| save(self.seed, "cut", wrong))?;
        Ok((self.tally, self.digest.map_or(0, |digest| digest.finish())))
    }

    fn run(&mut self) -> Checked<()> {
        let mut disk = MemoryDisk::new();
        let mut timeline = Timeline::default();
        for life in 0..LIVES {
            disk.record();
            timeline = self.live(&disk, timeline, life)?;
            let recording = disk.take_recording().expect("it was begun above");
            self.note(|| recording.digest());
            let survives = self.random(life, usize::MAX).random_range(0..=recording.len());
            let mut playback = recording.play();
            let told = Arc::new(timeline);
            loop {
                self.check_cuts(&playback, &told, life)?;
                if playback.at() == survives {
                    let mut random = self.random(life, survives);
                    disk = playback.cut(|_| random.random());
                }
                if !playback.step() {
                    break;
                }
            }
            self.tally.changes += recording.len() as u64;
            timeline = self.adopt(&disk, Arc::unwrap_or_clone(told), survives, life)?;
        }
        Ok(())
    }

    /// Runs the workload between two losses of power.
    fn live(&self, disk: &MemoryDisk, timeline: Timeline, life: u64) -> Checked<Timeline> {
        let mut workload = Workload::new(disk.clone(), timeline, self.seed * LIVES + life);
        let turns = Turns { seed: self.random(life, usize::MAX - 1).random(), hour: 3 * life };
        let lived = turns.run(async move || workload.run(STEPS).await.map(|()| workload.timeline));
        lived.map_err(|wrong| (format!("life {life}: {wrong}"), disk.copy()))
    }

    /// What decides a cut is the seed and the place alone.
    fn random(&self, life: u64, at: usize) -> StdRng {
        StdRng::seed_from_u64((self.seed * LIVES + life) << 32 | at as u64)
    }

    /// The images of a power cut here.
    fn check_cuts(&mut self, playback: &Playback<'_>, timeline: &Arc<Timeline>, life: u64) -> Checked<()> {
        let at = playback.at();
        let mut random = self.random(life, at);
        let cuts = if playback.is_before_sync() { 2 } else { 1 };
        for _ in 0..cuts {
            let share = if random.random_bool(0.2) { 0.0 } else { random.random_range(0.0..=1.0) };
            let mut image = playback.cut(|_| random.random_bool(share));
            if random.random_bool(0.25) {
                image = self.cut_while_opened(&image, life, &mut random);
                self.tally.cut_twice += 1;
            }
            self.tally.images += 1;
            let goes_on = random.random_bool(0.1).then(|| random.random());
            let turns = Turns { seed: random.random(), hour: 3 * life + 2 };
            let (told, opened) = (Arc::clone(timeline), image.copy());
            let left = opened.clone();
            self.note(|| opened.digest());
            turns.run(async move || check(opened, &told, at, goes_on).await).map_err(|what| {
                let what = format!("life {life}, after {at} changes, image {}: {what}", self.tally.images);
                (what, image)
            })?;
            self.note(|| left.digest());
        }
        Ok(())
    }

    /// Takes the power away once more, at any change that opening makes.
    fn cut_while_opened(&mut self, image: &MemoryDisk, life: u64, random: &mut StdRng) -> MemoryDisk {
        image.record();
        let turns = Turns { seed: random.random(), hour: 3 * life + 1 };
        let options = workload::options(image);
        // One that cannot be opened is found out when it is compared.
        turns.run(async move || drop(EmbeddedEngine::open(options)));
        let recording = image.take_recording().expect("it was begun above");
        self.note(|| recording.digest());
        let mut playback = recording.play();
        playback.step_to(random.random_range(0..=recording.len()));
        let share = random.random_range(0.0..=1.0);
        playback.cut(|_| random.random_bool(share))
    }

    /// The timeline as it goes on from an image.
    fn adopt(&self, image: &MemoryDisk, mut timeline: Timeline, at: usize, life: u64) -> Checked<Timeline> {
        let opened = image.copy();
        let turns = Turns { seed: self.random(life, usize::MAX - 2).random(), hour: 3 * life + 2 };
        let found = turns.run(async move || read(opened).await);
        let found = found.and_then(|found| timeline.check(at, &found).map(|()| found));
        timeline.adopt(&found.map_err(|what| (what, image.copy()))?);
        Ok(timeline)
    }

    /// Adds to the digest, if there is one.
    fn note(&mut self, digest: impl FnOnce() -> u64) {
        if let Some(all) = &mut self.digest {
            all.write_u64(digest());
        }
    }
}

async fn read(image: MemoryDisk) -> Result<Found, String> {
    let mut workload = Workload::new(image, Timeline::default(), 0);
    workload.open().map_err(|error| format!("it cannot be opened: {error}"))?;
    workload.read().await
}

/// Opens an image and compares it; with a seed, works on with it and compares it again.
async fn check(image: MemoryDisk, timeline: &Timeline, at: usize, goes_on: Option<u64>) -> Result<(), String> {
    let Some(seed) = goes_on else {
        return timeline.check(at, &read(image).await?);
    };
    let mut workload = Workload::new(image, timeline.clone(), seed);
    let engine = workload.open().map_err(|error| format!("it cannot be opened: {error}"))?;
    let found = Found::read(engine).await?;
    timeline.check(at, &found)?;
    found.check_scans(engine).await?;
    workload.go_on(&found).await.map_err(|wrong| format!("after going on: {wrong}"))
}
