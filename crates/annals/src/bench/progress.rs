//! What a bench does right now: a line on a terminal, nothing elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal::Stream;

/// How often the line is drawn.
const TICK: Duration = Duration::from_millis(500);

/// Counts events as they are answered; cheap to share.
#[derive(Clone, Debug, Default)]
pub(super) struct Counter(Arc<AtomicU64>);

/// A line that shows what a counter counts. Taken away when dropped.
pub(super) struct Progress {
    bar: ProgressBar,
    ticker: tokio::task::JoinHandle<()>,
}

impl Counter {
    pub(super) fn add(&self, events: u64) {
        self.0.fetch_add(events, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
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
