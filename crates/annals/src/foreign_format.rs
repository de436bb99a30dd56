//! Files that hold something else than text in UTF-8: told by their first bytes, and refused with the way out.

use std::io::{self, BufRead, Cursor, Read};

const UTF8_BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// Looked at whatever they are: UTF-16 without a mark shows in the second byte, and the first line of any input has as
/// many.
const SHORTEST_BYTES: usize = 2;

/// What a file begins with, what it is then, and what makes text of it.
const FOREIGN: [(&[u8], &str, &str); 14] = [
    (&[0xff, 0xfe, 0, 0], "UTF-32 text", "convert it with `iconv -f UTF-32 -t UTF-8`"),
    (&[0, 0, 0xfe, 0xff], "UTF-32 text", "convert it with `iconv -f UTF-32 -t UTF-8`"),
    (&[0xff, 0xfe], "UTF-16 text", "convert it with `iconv -f UTF-16 -t UTF-8`"),
    (&[0xfe, 0xff], "UTF-16 text", "convert it with `iconv -f UTF-16 -t UTF-8`"),
    (&[0x1f, 0x8b], "packed by gzip", "unpack it with `gzip -dc`"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "packed by zstd", "unpack it with `zstd -dc`"),
    (&[0xfd, b'7', b'z', b'X', b'Z'], "packed by xz", "unpack it with `xz -dc`"),
    (b"BZh91AY&SY", "packed by bzip2", "unpack it with `bzip2 -dc`"),
    (&[4, 0x22, 0x4d, 0x18], "packed by lz4", "unpack it with `lz4 -dc`"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet", "unpack it with `unzip -p`, or save the sheet as CSV"),
    (&[b'7', b'z', 0xbc, 0xaf], "a 7z archive", "unpack it with `7z x -so`"),
    (&[0xd0, 0xcf, 0x11, 0xe0], "an old spreadsheet", "save the sheet as CSV"),
    (b"PAR1", "a Parquet file", "write its rows as CSV or NDJSON first"),
    (b"Obj\x01", "an Avro file", "write its records as NDJSON first"),
];

/// The bytes at the start, as many as tell whether they are foreign and no more: a pipe may hand them out one by one.
pub(crate) fn start_of(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    let tells = |start: &[u8]| FOREIGN.iter().any(|(magic, ..)| magic.len() > start.len() && magic.starts_with(start));
    while (start.len() < SHORTEST_BYTES || tells(&start)) && reader.by_ref().take(1).read_to_end(&mut start)? > 0 {}
    Ok(start)
}

/// Refuses what begins so, unless it may be text.
///
/// # Errors
/// With what it is and what makes text of it.
pub(crate) fn refuse_foreign(start: &[u8]) -> io::Result<()> {
    let (what, way_out) = match FOREIGN.iter().find(|(magic, ..)| start.starts_with(magic)) {
        Some((_, what, way_out)) => (*what, *way_out),
        None if start.contains(&0) => {
            ("no text: it holds NUL bytes", "if it is UTF-16, convert it with `iconv -f UTF-16LE -t UTF-8`")
        }
        None => return Ok(()),
    };
    Err(io::Error::new(io::ErrorKind::InvalidData, format!("it is {what}; {way_out}")))
}

/// The text behind a byte order mark, if there is one.
///
/// # Errors
/// When it can't be read, or is no text in UTF-8 by its first bytes.
pub(crate) fn text_of(mut reader: impl BufRead) -> io::Result<impl BufRead> {
    let mut start = start_of(&mut reader)?;
    refuse_foreign(&start)?;
    // Whoever begins like a mark is waited for until it is known: nothing that people write does.
    while UTF8_BYTE_ORDER_MARK.starts_with(&start) && start.len() < UTF8_BYTE_ORDER_MARK.len() {
        if reader.by_ref().take(1).read_to_end(&mut start)? == 0 {
            break;
        }
    }
    if start.starts_with(&UTF8_BYTE_ORDER_MARK) {
        start.drain(..UTF8_BYTE_ORDER_MARK.len());
    }
    Ok(Cursor::new(start).chain(reader))
}
