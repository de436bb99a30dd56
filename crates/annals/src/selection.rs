//! Which events a command reads: the arguments that scan, count, plot and tail share.

use std::collections::HashSet;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use annals_client::{EventTime, Scan, TimeRange};
use anyhow::Context;

use crate::foreign_format::text_of;
use crate::output::key_from_text;
use crate::time_argument::{TIME_HELP, TimeArgument, now};
use crate::token_argument::ResumeTokenText;

/// Which partitions.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct PartitionArgs {
    /// Only this partition; may be given several times. A key that is not text is written base64:AAEC.
    #[arg(long, short = 'k', value_name = "KEY", value_parser = key_from_text)]
    key: Vec<KeyBytes>,
    /// Only the partitions whose keys this file holds, one a line; - is stdin.
    #[arg(long, value_name = "FILE")]
    keys_file: Option<PathBuf>,
    /// Only the partitions of slice I out of N equal slices of the hash space, counted from 0: readers can share a
    /// table.
    #[arg(long, value_name = "I/N", conflicts_with_all = ["key", "keys_file"])]
    slice: Option<Slice>,
}

/// A key's bytes; an alias, because clap takes a plain `Vec<u8>` for a list of numbers.
type KeyBytes = Vec<u8>;

/// One slice of the hash space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) index: u32,
    pub(crate) count: u32,
}

impl FromStr for Slice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match parsed {
            Some((index, count)) if index < count => Ok(Self { index, count }),
            _ => Err("write it as I/N with I from 0 to N-1, for example 0/4".to_owned()),
        }
    }
}

impl PartitionArgs {
    /// The keys, of the arguments and of the file; none: all partitions.
    pub(crate) fn keys(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        let mut keys = self.key.clone();
        if let Some(path) = &self.keys_file {
            keys.extend(read_keys(path)?);
        }
        // A key that is named twice is one.
        let mut seen = HashSet::with_capacity(keys.len());
        keys.retain(|key| seen.insert(key.clone()));
        Ok(keys)
    }

    /// Whether no partition is left out.
    pub(crate) fn are_all(&self) -> bool {
        self.key.is_empty() && self.keys_file.is_none() && self.slice.is_none()
    }

    /// The slice, if one was asked for.
    pub(crate) fn slice(&self) -> Option<Slice> {
        self.slice
    }
}

fn read_keys(path: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let lines: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        let file = std::fs::File::open(path).with_context(|| format!("opening the keys file {}", path.display()))?;
        Box::new(std::io::BufReader::new(file))
    };
    let mut keys = Vec::new();
    let lines = text_of(lines).with_context(|| format!("reading the keys file {}", path.display()))?;
    for (index, line) in lines.lines().enumerate() {
        let place = || format!("line {} of the keys file {}", index + 1, path.display());
        let line = line.with_context(place)?;
        let text = line.trim_end_matches('\r');
        if !text.is_empty() {
            keys.push(key_from_text(text).map_err(anyhow::Error::msg).with_context(place)?);
        }
    }
    anyhow::ensure!(!keys.is_empty(), "the keys file {} holds no key; it would select nothing", path.display());
    Ok(keys)
}

/// Which events, of which moment.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct SelectionArgs {
    /// The table, as keyspace.table.
    pub(crate) table: String,
    #[command(flatten)]
    pub(crate) partitions: PartitionArgs,
    /// Only events of this time or later.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, long_help = format!("Only events of this time or later: {TIME_HELP}."))]
    from: Option<TimeArgument>,
    /// Only events before this time.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<TimeArgument>,
    /// Read exactly what this resume token covers, instead of what is stored now.
    #[arg(long, value_name = "TOKEN")]
    as_of: Option<ResumeTokenText>,
}

impl SelectionArgs {
    /// A scan of these events.
    pub(crate) fn to_scan(&self) -> anyhow::Result<Scan> {
        self.scan_of(&self.partitions.keys()?)
    }

    /// A scan of these events, of keys that were read already: stdin can be read only once.
    pub(crate) fn scan_of(&self, keys: &[Vec<u8>]) -> anyhow::Result<Scan> {
        let (from, to) = self.bounds(now());
        let times = TimeRange::new(from, to)?;
        let mut scan = Scan::table(&self.table).keys(keys);
        if times != TimeRange::ALL {
            scan = scan.times(times);
        }
        if let Some(slice) = self.partitions.slice() {
            scan = scan.slice(slice.index, slice.count);
        }
        if let Some(moment) = &self.as_of {
            scan = scan.as_of(&moment.0);
        }
        Ok(scan)
    }

    /// The first time wanted and the first that is not, where they were given; relative times count from `now`.
    pub(crate) fn bounds(&self, now: EventTime) -> (Option<EventTime>, Option<EventTime>) {
        (self.from.map(|time| time.at(now)), self.to.map(|time| time.at(now)))
    }

    /// Whether a time range was given.
    pub(crate) fn has_times(&self) -> bool {
        self.from.is_some() || self.to.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_an_index_below_a_count() {
        assert_eq!("0/4".parse(), Ok(Slice { index: 0, count: 4 }));
        for text in ["4/4", "1", "a/b", "-1/2", "0/0"] {
            assert!(text.parse::<Slice>().is_err(), "{text}");
        }
    }
}
