//! Where rows come from: files or stdin, plain or gzipped, CSV or NDJSON.
//!
//! Compression and format are told by the first bytes, never by a file's name, so that a renamed file or a pipe is
//! read alike.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use flate2::bufread::MultiGzDecoder;

use crate::foreign_format::{refuse_foreign, start_of};

/// What a read of a file asks for at a time: large enough that system calls do not count.
const BUFFER_BYTES: usize = 256 * 1024;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// How far the format is looked for: past any blank lines at the start that a file is likely to have.
const LOOKED_AT_BYTES: usize = 512;
const UTF8_BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// A file, stdin, or bytes that the program carries.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// The standard input, written as `-`.
    Stdin,
    /// A file.
    File(PathBuf),
    /// Bytes under a name.
    Embedded(&'static str, &'static [u8]),
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

/// An input that is open, unpacked, and whose format is known.
pub(super) struct OpenInput {
    pub(super) format: Format,
    pub(super) reader: Box<dyn BufRead + Send>,
}

impl Input {
    /// `-` is stdin, anything else a file.
    pub(super) fn from_argument(path: PathBuf) -> Self {
        if path.as_os_str() == "-" { Self::Stdin } else { Self::File(path) }
    }

    /// The name that messages use.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Stdin => "stdin".to_owned(),
            Self::File(path) => path.display().to_string(),
            Self::Embedded(name, _) => (*name).to_owned(),
        }
    }

    /// Whether its bytes come when they come: anything but a file with an end.
    pub(super) fn is_pipe(&self) -> bool {
        match self {
            Self::Stdin => {
                !File::open("/dev/stdin").and_then(|file| file.metadata()).is_ok_and(|found| found.is_file())
            }
            Self::File(_) => self.size().is_none(),
            Self::Embedded(..) => false,
        }
    }

    /// The packed size, where it is known beforehand.
    pub(super) fn size(&self) -> Option<u64> {
        match self {
            Self::Stdin => None,
            Self::File(path) => path.metadata().ok().filter(std::fs::Metadata::is_file).map(|found| found.len()),
            Self::Embedded(_, bytes) => Some(bytes.len() as u64),
        }
    }

    /// Opens it. What is read of the packed bytes is added to `bytes_read`.
    ///
    /// # Errors
    /// When it can't be opened or read.
    pub(super) fn open(&self, format: Option<Format>, bytes_read: Arc<AtomicU64>) -> anyhow::Result<OpenInput> {
        let source: Box<dyn Read + Send> = match self {
            Self::Stdin => Box::new(io::stdin()),
            Self::File(path) => Box::new(File::open(path).with_context(|| format!("cannot open {}", path.display()))?),
            Self::Embedded(_, bytes) => Box::new(*bytes),
        };
        let packed = BufReader::with_capacity(BUFFER_BYTES, Counted { source, bytes_read });
        open_unpacked(packed, format).with_context(|| format!("cannot read {}", self.name()))
    }
}

fn open_unpacked(mut packed: impl BufRead + Send + 'static, format: Option<Format>) -> io::Result<OpenInput> {
    let start = start_of(&mut packed)?;
    let is_gzip = start.starts_with(&GZIP_MAGIC);
    if !is_gzip {
        refuse_foreign(&start)?;
    }
    let packed = Cursor::new(start).chain(packed);
    let mut reader: Box<dyn BufRead + Send> = if is_gzip {
        Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(packed)))
    } else {
        Box::new(packed)
    };
    let mut start = start_of(&mut reader)?;
    fill_to_text(&mut start, &mut reader)?;
    if start.starts_with(&UTF8_BYTE_ORDER_MARK) {
        start.drain(..UTF8_BYTE_ORDER_MARK.len());
    }
    refuse_foreign(&start)?;
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
    if format != Some(Format::Csv) && first == Some(&b'[') {
        let what = "it is one JSON array; `jq -c '.[]'` writes its elements a line each (--format csv if it is CSV)";
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    let format = format.unwrap_or_else(|| match start.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => Format::Ndjson,
        _ => Format::Csv,
    });
    Ok(OpenInput { format, reader: Box::new(Cursor::new(start).chain(reader)) })
}

/// So many bytes, or all there are: a pipe may hand them out one by one.
fn first_bytes(reader: &mut impl Read, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(count);
    reader.by_ref().take(count as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads up to the first byte that tells the format, which a pipe may hand out one by one: no more are waited for.
fn fill_to_text(start: &mut Vec<u8>, reader: &mut impl Read) -> io::Result<()> {
    while start.len() < LOOKED_AT_BYTES {
        let told = start.strip_prefix(&UTF8_BYTE_ORDER_MARK[..]).unwrap_or(start);
        let may_be_a_mark = UTF8_BYTE_ORDER_MARK.starts_with(start);
        if !may_be_a_mark && told.iter().any(|byte| !byte.is_ascii_whitespace()) {
            break;
        }
        let next = first_bytes(reader, 1)?;
        if next.is_empty() {
            break;
        }
        start.extend(next);
    }
    Ok(())
}

struct Counted<R> {
    source: R,
    bytes_read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.bytes_read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// A pipe that hands out one byte at a time.
    struct Trickle(Cursor<Vec<u8>>);

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let one = buffer.len().min(1);
            self.0.read(&mut buffer[..one])
        }
    }

    fn read_all(bytes: Vec<u8>) -> (Format, String) {
        let mut opened = open_unpacked(BufReader::new(Trickle(Cursor::new(bytes))), None).expect("readable");
        let mut text = String::new();
        opened.reader.read_to_string(&mut text).expect("text");
        (opened.format, text)
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn compression_and_format_are_told_by_the_bytes_also_when_they_trickle() {
        assert_eq!(read_all(b"a,b\n1,2\n".to_vec()), (Format::Csv, "a,b\n1,2\n".to_owned()));
        assert_eq!(read_all(b"\n {\"a\":1}\n".to_vec()), (Format::Ndjson, "\n {\"a\":1}\n".to_owned()));
        assert_eq!(read_all(gzip("{\"a\":1}\n")), (Format::Ndjson, "{\"a\":1}\n".to_owned()));
        assert_eq!(read_all(Vec::new()), (Format::Csv, String::new()));
    }

    #[test]
    fn gzip_files_put_one_after_another_are_read_to_the_end() {
        let both = [gzip("a,b\n1,2\n"), gzip("3,4\n")].concat();
        assert_eq!(read_all(both).1, "a,b\n1,2\n3,4\n");
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_columns_name() {
        assert_eq!(read_all("\u{feff}a,b\n".as_bytes().to_vec()).1, "a,b\n");
    }
}
