//! Records of CSV: read whole, as any careful reader reads them, or refused with their line.

use std::io::{BufReader, Cursor};

use annals_testkit::seed::{announce, seeds};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::csv_records::{CsvRecords, Malformed, Record};

type Fields = Vec<(Vec<u8>, bool)>;

/// All records of `input`, which is handed out `chunk` bytes at a time.
fn read_all(input: &[u8], chunk: usize) -> Vec<(u64, Result<Fields, Malformed>)> {
    let reader = BufReader::with_capacity(chunk, Cursor::new(input.to_vec()));
    let mut records = CsvRecords::new(Box::new(reader), b',');
    let mut record = Record::default();
    let mut all = Vec::new();
    loop {
        match records.next(&mut record).expect("memory can be read") {
            Ok(false) => return all,
            Ok(true) => {
                let fields = record.fields().map(|(text, quoted)| (text.to_vec(), quoted));
                all.push((record.line, Ok(fields.collect())));
            }
            Err(malformed) => all.push((record.line, Err(malformed))),
        }
    }
}

fn plain(texts: &[&str]) -> Fields {
    texts.iter().map(|text| (text.as_bytes().to_vec(), false)).collect()
}

/// What another reader makes of it.
fn read_leniently(input: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(input);
    let records = reader.byte_records().map(|record| record.expect("it refuses nothing"));
    records.map(|record| record.iter().map(<[u8]>::to_vec).collect()).collect()
}

fn any_text(random: &mut StdRng, alphabet: &[u8], length_max: usize) -> Vec<u8> {
    let length = random.random_range(0..=length_max);
    (0..length).map(|_| alphabet[random.random_range(0..alphabet.len())]).collect()
}

#[test]
fn fields_in_quotes_hold_line_ends_delimiters_and_quotes_and_are_told_from_plain_ones() {
    let input = b"a,\"b\",\"\",\r\n\n\"1\n\"\"2\"\",\r\n3\",x\"y\rlast,";
    let quoted = |text: &str| (text.as_bytes().to_vec(), true);
    let unquoted = |text: &str| (text.as_bytes().to_vec(), false);
    let expected = vec![
        (1, Ok(vec![unquoted("a"), quoted("b"), quoted(""), unquoted("")])),
        (3, Ok(vec![quoted("1\n\"2\",\r\n3"), unquoted("x\"y")])),
        (6, Ok(plain(&["last", ""]))),
    ];
    for chunk in 1..=input.len() {
        assert_eq!(read_all(input, chunk), expected, "chunks of {chunk}");
    }
}

#[test]
fn a_quote_out_of_place_is_refused_with_its_line_and_the_lines_after_it_are_read() {
    let input = b"a,b\n1,\"2\"\" x\n3,4\n5,6\n";
    let expected = vec![
        (1, Ok(plain(&["a", "b"]))),
        (2, Err(Malformed::NeverClosed { field: 1, line: 2 })),
        (3, Ok(plain(&["3", "4"]))),
        (4, Ok(plain(&["5", "6"]))),
    ];
    let behind = b"a,b\r\n\"1\r\n2\"3,4\r\n5,6\r\n";
    let expected_behind = vec![
        (1, Ok(plain(&["a", "b"]))),
        (2, Err(Malformed::TextBehindQuote { field: 0, opened: 2, line: 3 })),
        (3, Ok(plain(&["2\"3", "4"]))),
        (4, Ok(plain(&["5", "6"]))),
    ];
    for chunk in 1..=input.len() {
        assert_eq!(read_all(input, chunk), expected, "chunks of {chunk}");
        assert_eq!(read_all(behind, chunk), expected_behind, "chunks of {chunk}");
    }
    assert_eq!(read_all(b"\"", 1), [(1, Err(Malformed::NeverClosed { field: 0, line: 1 }))]);
    assert_eq!(read_all(b"x,\"\"\"", 1), [(1, Err(Malformed::NeverClosed { field: 1, line: 1 }))]);
    assert_eq!(read_all(b"\"\" ,x", 2).len(), 1);
}

#[test]
fn what_is_written_with_care_is_read_as_it_was() {
    for seed in seeds(300) {
        let _announced = announce(seed);
        let mut random = StdRng::seed_from_u64(seed);
        let mut input = Vec::new();
        let mut written = Vec::new();
        for _ in 0..random.random_range(1..8) {
            let fields: Vec<_> =
                (0..random.random_range(2..6)).map(|_| any_text(&mut random, b"ab ,\"\n\r\xc3\xa9\0", 6)).collect();
            for (index, field) in fields.iter().enumerate() {
                input.extend_from_slice(if index > 0 { b"," } else { b"" });
                let needs_quotes = field.iter().any(|byte| b",\"\n\r".contains(byte));
                if needs_quotes || random.random_bool(0.3) {
                    let text = field.iter().flat_map(|&byte| if byte == b'"' { vec![byte; 2] } else { vec![byte] });
                    input.extend(std::iter::once(b'"').chain(text).chain(std::iter::once(b'"')));
                } else {
                    input.extend_from_slice(field);
                }
            }
            input.extend_from_slice([&b"\n"[..], b"\r\n", b"\r"][random.random_range(0..3)]);
            written.push(fields);
        }
        let read = read_all(&input, random.random_range(1..9));
        let texts = read.iter().map(|(_, fields)| {
            let fields = fields.as_ref().expect("nothing is out of place");
            fields.iter().map(|(text, _)| text.clone()).collect::<Vec<_>>()
        });
        assert_eq!(texts.collect::<Vec<_>>(), written, "{}", input.escape_ascii());
    }
}

#[test]
fn what_is_not_refused_reads_as_in_another_reader() {
    let (mut compared, mut cases) = (0, 0);
    for seed in seeds(3_000) {
        cases += 1;
        let _announced = announce(seed);
        let mut random = StdRng::seed_from_u64(seed);
        let alphabet: &[u8] = if random.random_bool(0.5) { b"a,,\"\"\n" } else { b"ab,\"\n\r" };
        let input = any_text(&mut random, alphabet, 24);
        let read = read_all(&input, random.random_range(1..9));
        if read.iter().any(|(_, fields)| fields.is_err()) {
            continue;
        }
        compared += 1;
        let read = read
            .into_iter()
            .map(|(_, fields)| fields.expect("looked at above").into_iter().map(|(text, _)| text).collect::<Vec<_>>());
        assert_eq!(read.collect::<Vec<_>>(), read_leniently(&input), "{}", input.escape_ascii());
    }
    assert!(compared * 10 >= cases || cases == 1, "only {compared} of {cases} were taken");
}
