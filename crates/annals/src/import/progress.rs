//! How far an import has come: a bar on a terminal, nothing elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::size_argument::counted;
use crate::terminal::Stream;

/// Shows the progress of an import on stderr.
pub(crate) struct Progress {
    bar: ProgressBar,
    bytes_read: Arc<AtomicU64>,
    began: Instant,
}

impl Progress {
    /// For inputs of so many bytes together, packed as they are; none if that is not known.
    pub(crate) fn new(bytes: Option<u64>) -> Self {
        let target =
            if Stream::of_stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(bytes, target);
        let template = match bytes {
            Some(_) => "{bar:30.cyan/dim} {percent:>3} %  {msg}  {eta} left",
            None => "{spinner} {msg}",
        };
        bar.set_style(ProgressStyle::with_template(template).expect("a template of known keys").progress_chars("━━─"));
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { bar, bytes_read: Arc::default(), began: Instant::now() }
    }

    /// Counts what is read of the inputs.
    pub(super) fn bytes_read(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.bytes_read)
    }

    /// So many events are durable.
    pub(super) fn stored(&self, events: u64) {
        if !self.bar.is_hidden() {
            self.bar.set_position(self.bytes_read.load(Ordering::Relaxed));
            self.bar.set_message(format!("{} events, {}/s", HumanCount(events), HumanCount(self.rate(events))));
        }
    }

    /// Takes the bar away; what was done, in words.
    pub(crate) fn finish(&self, events: u64) -> String {
        self.bar.finish_and_clear();
        format!(
            "{} out of {} in {:.2} s ({} events/s)",
            counted(events, "event"),
            HumanBytes(self.bytes_read.load(Ordering::Relaxed)),
            self.began.elapsed().as_secs_f64(),
            HumanCount(self.rate(events))
        )
    }

    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "shown")]
    fn rate(&self, events: u64) -> u64 {
        (events as f64 / self.began.elapsed().as_secs_f64().max(1e-3)) as u64
    }
}

impl Drop for Progress {
    /// An import that fails leaves no half bar under its message.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
