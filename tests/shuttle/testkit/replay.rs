//! A panic of a model says how to replay it, past the harness, which would keep it back: threads that wait for ever
//! cannot give back what they hold, so that such a model ends the process.

use std::cell::RefCell;
use std::io::{self, Write};
use std::panic;
use std::sync::Once;

thread_local! {
    /// How to replay what is being tried on this thread.
    static REPLAY: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Said by the first panic for as long as this lives.
#[derive(Debug)]
pub struct Announced(());

/// Has the first panic on this thread say how to replay it.
pub fn announce(replay: String) -> Announced {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |what| {
            if let Some(replay) = REPLAY.take() {
                // Nothing is left to be told it.
                let _ = writeln!(io::stderr(), "{what}\n{replay}");
            }
            before(what);
        }));
    });
    REPLAY.set(Some(replay));
    Announced(())
}

impl Drop for Announced {
    fn drop(&mut self) {
        REPLAY.take();
    }
}
