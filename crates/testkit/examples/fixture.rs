//! Makes the stores that later builds must open: `cargo run -p annals-testkit --example fixture -- tests/fixtures/format-1`.
//!
//! Run it once for each format, with the last build that writes it: what is there is never made again. Each file is
//! compressed for itself, since most of a journal file is zeros that were written ahead. `events` says what the store
//! holds: shard, sequence, commit time in nanoseconds, and the event's bytes in hex.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annals_embedded::{EmbeddedEngine, Options};
use annals_storage::disk::{Disk, RealDisk};
use annals_testkit::event::hex;
use annals_testkit::tiny_store::{self, Answers, End};
use flate2::Compression;
use flate2::write::GzEncoder;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let target = PathBuf::from(std::env::args().nth(1).ok_or_else(|| io::Error::other("name a directory"))?);
    for (name, end) in [("closed", End::Closed), ("killed", End::Killed)] {
        let store = tempfile::tempdir()?;
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(store.path()));
        let options = || tiny_store::tiny(Options::on_disk(Arc::clone(&disk)));
        let tracked = tiny_store::fill(options, 3, end).await;
        let to = target.join(name);
        pack(store.path(), &to.join("store"))?;
        let engine = EmbeddedEngine::open(options()).map_err(io::Error::other)?;
        let answers = Answers::of(&engine, &tracked).await;
        answers.check(&tracked).map_err(io::Error::other)?;
        let mut events = String::new();
        for event in answers.shards.iter().flat_map(|(events, _)| events) {
            let (shard, sequence, commit_time) = (event.shard, event.sequence, event.commit_time.unix_nanos());
            let bytes = hex(&event.bytes);
            writeln!(events, "{shard} {sequence} {commit_time} {bytes}").map_err(io::Error::other)?;
        }
        fs::write(to.join("events"), events)?;
    }
    Ok(())
}

/// Compresses each file of a directory.
fn pack(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() {
            pack(&path, &to.join(name))?;
        } else {
            let mut packed = name.to_owned();
            packed.push(".gz");
            let mut encoder = GzEncoder::new(File::create_new(to.join(packed))?, Compression::best());
            encoder.write_all(&fs::read(&path)?)?;
            encoder.finish()?;
        }
    }
    Ok(())
}
