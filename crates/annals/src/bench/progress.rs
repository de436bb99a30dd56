//! What a bench does right now: a line on a terminal, nothing elsewhere. How fast it went is kept.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal::Stream;

/// How often the line is drawn, and the rate kept.
const TICK: Duration = Duration::from_millis(250);

/// Counts events as they are answered, and keeps how fast they came; cheap to share.
#[derive(Clone, Debug, Default)]
pub(super) struct Counter {
    events: Arc<AtomicU64>,
    rates: Arc<Mutex<Vec<Rate>>>,
}

/// How fast events came up to a time, since the one before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    pub(super) until: SystemTime,
    pub(super) events_per_second: u64,
}

/// A line that shows what a counter counts. Taken away when dropped.
pub(super) struct Progress {
    bar: ProgressBar,
    ticker: tokio::task::JoinHandle<()>,
}

impl Counter {
    pub(super) fn add(&self, events: u64) {
        self.events.fetch_add(events, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    #[expect(clippy::disallowed_methods, reason = "a rate is drawn at the time of day at which it was seen")]
    fn note(&self, events_per_second: u64) {
        let rate = Rate { until: SystemTime::now(), events_per_second };
        self.rates.lock().unwrap_or_else(PoisonError::into_inner).push(rate);
    }

    /// How fast events came, in the order of time.
    pub(super) fn rates(&self) -> Vec<Rate> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Progress {
    /// Shows `doing` and the rate of `counter` on stderr.
    pub(super) fn new(doing: &'static str, counter: &Counter) -> Self {
        let target = match Stream::of_stderr() {
            Stream::Plain => ProgressDrawTarget::hidden(),
            Stream::Terminal | Stream::ColorTerminal => ProgressDrawTarget::stderr(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(ProgressStyle::with_template("{spinner} {msg}").expect("a template of known keys"));
        let (shown, counter) = (bar.clone(), counter.clone());
        let ticker = tokio::spawn(async move {
            let mut before = (Instant::now(), counter.get());
            loop {
                tokio::time::sleep(TICK).await;
                let now = (Instant::now(), counter.get());
                let micros = u64::try_from(now.0.duration_since(before.0).as_micros()).unwrap_or(u64::MAX);
                let rate = (now.1 - before.1).saturating_mul(1_000_000) / micros.max(1);
                counter.note(rate);
                shown.set_message(format!("{doing}: {} events, {}/s", HumanCount(now.1), HumanCount(rate)));
                shown.tick();
                before = now;
            }
        });
        Self { bar, ticker }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.ticker.abort();
        self.bar.finish_and_clear();
    }
}
