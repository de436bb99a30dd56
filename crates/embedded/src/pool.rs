//! The read pool: threads that wait for the disk, so that no other thread has to.
//!
//! The queue before them is bounded: past it a read is refused at once, which tells the caller more than waiting
//! would. A read whose caller has gone is passed over.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::time::Duration;

use crate::sync::{Builder, JoinHandle, Mutex, MutexGuard, Receiver, Sender, TrySendError, bounded, oneshot};
use annals_engine::ReadError;

/// Reads that wait for a thread. At 4 threads and a millisecond each the last one waits a quarter of a second.
const WAITING_MAX: usize = 1_024;

/// When a refused read may try again: by then the queue has turned over.
const RETRY_AFTER: Duration = Duration::from_millis(250);

type Job = Box<dyn FnOnce() + Send>;

/// Runs blocking reads. Dropping it lets the reads that wait end first.
#[derive(Debug)]
pub(crate) struct ReadPool {
    jobs: Mutex<Option<Sender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl ReadPool {
    /// A pool with so many threads running: as many reads wait for the disk at a time. Disks serve several at once, and
    /// a decoded page costs a fraction of a millisecond of a core.
    ///
    /// # Errors
    /// When the operating system refuses a thread.
    pub(crate) fn start(threads: usize) -> std::io::Result<Self> {
        let (sender, receiver) = bounded(WAITING_MAX);
        let pool = Self { jobs: Mutex::new(Some(sender)), threads: Mutex::default() };
        for number in 0..threads {
            let receiver = receiver.clone();
            let thread = Builder::new().name(format!("annals-read-{number}")).spawn(move || work(&receiver))?;
            lock(&pool.threads).push(thread);
        }
        Ok(pool)
    }

    /// Runs `read` on a thread of the pool.
    ///
    /// # Errors
    /// `Overloaded` when too many reads wait, `Closed` once the pool is closed.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ReadError> {
        let answer = self.submit(read)?;
        answer.await.map_err(|_| ReadError::Io("the read ended in a panic; the log says where".to_owned()))
    }

    fn submit<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, ReadError> {
        let (answer, receiver) = oneshot::channel();
        self.post(move || {
            if !answer.is_closed() {
                // The caller may go while the read is under way; then nobody wants the answer.
                let _ = answer.send(read());
            }
        })?;
        Ok(receiver)
    }

    /// Runs `job`, for which nobody waits, on a thread of the pool.
    ///
    /// # Errors
    /// As `run`.
    pub(crate) fn post(&self, job: impl FnOnce() + Send + 'static) -> Result<(), ReadError> {
        let jobs = lock(&self.jobs);
        match jobs.as_ref().ok_or(ReadError::Closed)?.try_send(Box::new(job)) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(ReadError::Overloaded { retry_after: RETRY_AFTER }),
            Err(TrySendError::Disconnected(_)) => Err(ReadError::Closed),
        }
    }

    /// Takes no more reads and waits for those that were taken.
    pub(crate) fn close(&self) {
        drop(lock(&self.jobs).take());
        for thread in lock(&self.threads).drain(..) {
            // Its jobs' panics are caught, so a worker ends only by returning.
            let _ = thread.join();
        }
    }
}

impl Drop for ReadPool {
    fn drop(&mut self) {
        self.close();
    }
}

fn work(jobs: &Receiver<Job>) {
    for job in jobs {
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("a read panicked; the store goes on, the caller got an error");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREADS: usize = 4;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
    }

    #[test]
    fn a_read_past_the_queue_is_refused_and_those_taken_are_answered() {
        let pool = ReadPool::start(THREADS).expect("threads");
        let (release, gate) = bounded::<()>(0);
        let (started, running) = bounded::<()>(THREADS);
        let mut answers = Vec::new();
        for _ in 0..THREADS {
            let (gate, started) = (gate.clone(), started.clone());
            let answer = pool.submit(move || (started.send(()), gate.recv())).expect("taken");
            running.recv().expect("runs");
            answers.push(answer);
        }
        let waiting: Vec<_> = (0..WAITING_MAX).map(|number| pool.submit(move || number).expect("taken")).collect();
        assert!(matches!(pool.submit(|| ()), Err(ReadError::Overloaded { .. })));
        drop(release);
        for (number, answer) in waiting.into_iter().enumerate() {
            assert_eq!(block_on(answer), Ok(number));
        }
    }

    #[test]
    fn a_read_that_panics_fails_alone() {
        let pool = ReadPool::start(THREADS).expect("threads");
        for _ in 0..2 * THREADS {
            let read = pool.run(|| assert!(std::hint::black_box(false), "broken on purpose"));
            assert!(matches!(block_on(read), Err(ReadError::Io(_))));
        }
        assert_eq!(block_on(pool.run(|| 7)).expect("runs"), 7);
        pool.close();
        assert!(matches!(block_on(pool.run(|| 7)), Err(ReadError::Closed)));
    }
}
