//! The plainest engine: everything in one map under one lock, answers looked up in the oracle.
//!
//! It shows that the conformance suite can be kept without files, and lets tests above the engine run without a disk.
//! Its store is memory: it survives reopening, not the process.

mod engine;
mod table;

use std::sync::{Arc, Mutex};

use crate::subject::Subject;
pub use engine::PlainEngine;
use engine::State;

/// A store in memory that plain engines are opened on.
#[derive(Debug, Default)]
pub struct PlainSubject {
    state: Arc<Mutex<State>>,
}

impl Subject for PlainSubject {
    type Engine = PlainEngine;

    async fn open(&self) -> Arc<PlainEngine> {
        Arc::new(PlainEngine::open(Arc::clone(&self.state)))
    }

    async fn close(&self, engine: Arc<PlainEngine>) {
        engine.close();
    }

    async fn settle(&self, engine: &PlainEngine) {
        engine.settle();
    }
}
