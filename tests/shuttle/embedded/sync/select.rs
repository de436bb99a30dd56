//! Waiting for the first of several channels, as crossbeam's, which takes any of those that are ready.

use shuttle::rand::{Rng, thread_rng};

/// Which of so many channels to look at first.
pub(crate) fn pick(count: usize) -> usize {
    thread_rng().gen_range(0..count)
}

macro_rules! select {
    ($(recv($channel:expr) -> $received:pat => $then:expr),+ $(,)?) => {{
        shuttle::future::block_on(std::future::poll_fn(|context| {
            $($channel.register(context.waker());)+
            let first = $crate::sync::pick([$(stringify!($channel)),+].len());
            // From the first to the last, and then from the beginning.
            let mut place = 0;
            $(
                if place >= first && let Some($received) = $channel.poll() {
                    return std::task::Poll::Ready($then);
                }
                place += 1;
            )+
            let _ = place;
            $(
                if let Some($received) = $channel.poll() {
                    return std::task::Poll::Ready($then);
                }
            )+
            std::task::Poll::Pending
        }))
    }};
}
pub(crate) use select;
