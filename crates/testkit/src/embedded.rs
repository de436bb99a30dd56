//! The embedded engine under test, on the real disk.

use std::path::Path;
use std::sync::Arc;

use annals_embedded::{EmbeddedEngine, Options};
use annals_storage::journal::JournalOptions;
use tempfile::TempDir;

use crate::subject::Subject;

/// A store in a directory of its own, which goes with this.
#[derive(Debug)]
pub struct EmbeddedSubject {
    directory: TempDir,
    adjust: fn(&mut Options),
}

impl Default for EmbeddedSubject {
    fn default() -> Self {
        Self::with_options(|_| {})
    }
}

impl EmbeddedSubject {
    /// A store that is opened with options that `adjust` has changed.
    ///
    /// # Panics
    /// When the system has no directory for temporary files.
    pub fn with_options(adjust: fn(&mut Options)) -> Self {
        Self { directory: TempDir::new().expect("a temporary directory"), adjust }
    }

    /// The store's directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The options that the store is opened with: the defaults, but for small journal files, which are made faster.
    pub fn options(&self) -> Options {
        let mut options = Options::in_directory(self.directory.path());
        options.journal = JournalOptions { file_bytes: 1024 * 1024, ..JournalOptions::default() };
        (self.adjust)(&mut options);
        options
    }
}

impl Subject for EmbeddedSubject {
    type Engine = EmbeddedEngine;

    async fn open(&self) -> Arc<EmbeddedEngine> {
        Arc::new(EmbeddedEngine::open(self.options()).expect("the store opens"))
    }

    async fn close(&self, engine: Arc<EmbeddedEngine>) {
        engine.close().expect("the store closes cleanly");
    }

    async fn settle(&self, engine: &EmbeddedEngine) {
        engine.settle().await.expect("the store settles");
    }

    async fn crash(&self, engine: Arc<EmbeddedEngine>) {
        drop(engine);
    }
}
