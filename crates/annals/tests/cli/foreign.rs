//! Files that are not what is read: named, with what makes text of them; byte order marks are no part of them.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::harness::{Served, annals};

fn written(folder: &Path, bytes: &[u8]) -> String {
    let path = folder.join("input");
    fs::write(&path, bytes).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

#[test]
fn what_is_no_text_is_named_with_the_way_out_wherever_a_file_is_read() {
    let served = Served::with_table();
    let folder = tempfile::tempdir().expect("a folder");
    let utf16: Vec<u8> = "id,n\nA,1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: [(&[u8], &str, &str); 7] = [
        (&[&[0xff, 0xfe], &utf16[..]].concat(), "UTF-16", "iconv -f UTF-16 -t UTF-8"),
        (&utf16, "NUL bytes", "iconv"),
        (b"PK\x03\x04\x14\0\0\0", "zip", "unzip -p"),
        (&[0x28, 0xb5, 0x2f, 0xfd, 4, 0], "zstd", "zstd -dc"),
        (b"\xfd7zXZ\0\0", "xz", "xz -dc"),
        (b"BZh91AY&SYxx", "bzip2", "bzip2 -dc"),
        (b"PAR1\x15", "Parquet", "NDJSON"),
    ];
    for (bytes, what, way_out) in cases {
        let file = written(folder.path(), bytes);
        for command in ["import k.t FILE --key id", "append k.t --file FILE", "count k.t --keys-file FILE"] {
            let arguments: Vec<_> = command.split(' ').map(|word| if word == "FILE" { &*file } else { word }).collect();
            let error = served.annals(&arguments).failed(1);
            assert!(error.contains(what) && error.contains(way_out), "{command}: {error}");
            assert!(error.contains(&file), "{command}: {error}");
        }
    }
    let file = written(folder.path(), &[0x1f, 0x8b, 8, 0]);
    let packed = served.annals(&["append", "k.t", "--file", &file]).failed(1);
    assert!(packed.contains("gzip -dc"), "{packed}");
    let file = written(folder.path(), &[0xff, 0xfe, b'a', 0]);
    let config = annals(&["serve", "--config", &file]).failed(1);
    assert!(config.contains("UTF-16") && config.contains("iconv"), "{config}");
}

#[test]
fn a_json_array_is_told_how_it_becomes_lines() {
    let served = Served::with_table();
    let array = "[\n {\"key\": \"a\"}, {\"key\": \"b\"}]";
    for command in [&["import", "k.t", "--key", "key"][..], &["append", "k.t"]] {
        let error = served.annals_with_input(command, array).failed(1);
        assert!(error.contains("jq -c '.[]'"), "{error}");
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_what_is_read() {
    let served = Served::with_table();
    let folder = tempfile::tempdir().expect("a folder");
    let file = written(folder.path(), "\u{feff}{\"key\": \"N1\"}\r\n{\"key\": \"N2\"}\r\n".as_bytes());
    served.annals(&["append", "k.t", "--file", &file]).succeeded();
    let file = written(folder.path(), "\u{feff}N1\r\nN2\r\nN1\r\n".as_bytes());
    let counted = served.annals(&["count", "k.t", "--keys-file", &file, "--key", "N2"]).json();
    assert_eq!(counted, json!({"events": 2, "partitions": 2}), "a key that is named twice is one");
    let file = written(folder.path(), "\u{feff}id,n\r\nA,1\r\n".as_bytes());
    served.annals(&["import", "k.csv", &file, "--create", "--key", "id"]).succeeded();
    let file = written(folder.path(), "\u{feff}[server]\r\nlisten = \"0.0.0.0:0\"\r\n".as_bytes());
    let read = annals(&["serve", "--config", &file]).failed(1);
    assert!(read.contains("--insecure"), "the file was read: {read}");
}

#[test]
fn a_header_without_rows_says_so() {
    let served = Served::start();
    for (table, input, told) in [("k.a", "id,n\n", "a header and no rows"), ("k.b", "{\"id\":\"A\"}\n", "1 event")] {
        let done = served.annals_with_input(&["import", table, "--create", "--key", "id"], input).succeeded();
        assert!(done.stderr.contains(told) && !done.stderr.contains(" 1 events "), "{done:?}");
    }
}
