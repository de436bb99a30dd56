//! Writes inputs for the fuzz targets to start from: real encodings, and random ones, which the targets read as choices.
//!
//! `cargo run -p annals-testkit --example fuzz_seeds -- DIRECTORY` makes a folder for each target. The same call makes
//! the same files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use annals_model::{Moment, ResumeToken, ScopeDigest, Sequence, TableId};
use annals_testkit::generator::{Generator, Shape};
use clap::Parser;
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};

/// Random inputs of each target.
const RANDOM: usize = 60;

/// The longest of them.
const BYTES_MAX: usize = 600;

const TARGETS: [&str; 6] = ["frame", "segment", "manifest", "token", "walk", "engine"];

#[derive(Debug, Parser)]
struct Arguments {
    /// Where the folders go.
    directory: PathBuf,
}

fn main() -> io::Result<()> {
    let directory = Arguments::parse().directory;
    for (target, seed) in TARGETS.into_iter().zip(0..) {
        let folder = directory.join(target);
        fs::create_dir_all(&folder)?;
        let mut random = StdRng::seed_from_u64(seed);
        for number in 0..RANDOM {
            let mut bytes = vec![0; random.random_range(1..BYTES_MAX)];
            random.fill_bytes(&mut bytes);
            fs::write(folder.join(format!("random-{number}")), bytes)?;
        }
    }
    write_events(&directory.join("walk"))?;
    write_tokens(&directory.join("token"))
}

/// Encoded events, several to an input: each after a zero, which says that it is taken as it is, and its length.
fn write_events(folder: &Path) -> io::Result<()> {
    let mut generator = Generator::new(1, Shape::default());
    for number in 0..12 {
        let mut input = Vec::new();
        for event in generator.events(3) {
            let encoded = event.encode();
            input.push(0);
            input.extend_from_slice(&u16::try_from(encoded.len()).expect("a small event").to_le_bytes());
            input.extend_from_slice(&encoded);
        }
        fs::write(folder.join(format!("events-{number}")), input)?;
    }
    Ok(())
}

/// Tokens as they are, and without their checksum, which the target then adds.
fn write_tokens(folder: &Path) -> io::Result<()> {
    for shards in [1, 2, 100] {
        let moment = Moment::new(vec![Sequence::new(300); shards]);
        let (table, scope) = (TableId::from_bytes([1; 16]), ScopeDigest::new(7));
        let floor = Moment::new(vec![Sequence::new(7); shards]);
        let token = ResumeToken { table, scope, moment, floor }.encode();
        fs::write(folder.join(format!("resume-{shards}")), [&[0], &token[..]].concat())?;
        fs::write(folder.join(format!("unsealed-{shards}")), [&[1], &token[..token.len() - 4]].concat())?;
    }
    Ok(())
}
