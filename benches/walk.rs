//! The strict walk over encoded events: every event that is appended goes through it once.

mod support;

use std::hint::black_box;

use annals_event::walk::{ColumnCheck, Refusal, Walker};
use annals_model::ColumnType;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// A table that takes everything: what is measured is the walk.
struct TakesAll;

impl ColumnCheck for TakesAll {
    fn check(&mut self, _: &str, _: ColumnType) -> Result<(), Refusal> {
        Ok(())
    }
}

fn walk(criterion: &mut Criterion) {
    let events = support::events(1_000, 100);
    let mut group = criterion.benchmark_group("walk");
    group.throughput(Throughput::Elements(events.len() as u64));
    group.bench_function("1,000 events of 128 bytes", |bencher| {
        bencher.iter(|| {
            let mut walker = Walker::new();
            for event in &events {
                black_box(walker.walk(event, &mut TakesAll).expect("a good event"));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, walk);
criterion_main!(benches);
