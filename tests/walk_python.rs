//! What the server's walk takes, grpcio's Python decodes to the same event. Skipped, with a note, where Python, grpcio or
//! protobuf is not installed; `ANNALS_TEST_PYTHON` names another interpreter than `python3`.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

#[test]
fn grpcios_python_decodes_the_corpus_alike() {
    let python = env::var("ANNALS_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let installed = Command::new(&python).args(["-c", "import grpc, google.protobuf"]).output();
    if !installed.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {python} with grpcio and protobuf is not installed");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let descriptors = folder.path().join("annals.descriptors");
    fs::write(&descriptors, annals_wire::DESCRIPTORS).expect("the contract's description is written");
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/walk");
    let decoded = Command::new(&python)
        .arg(corpus.join("decode.py"))
        .args([&descriptors, &corpus.join("cases.ndjson")])
        .output()
        .expect("Python runs");
    assert!(decoded.status.success(), "{}", String::from_utf8_lossy(&decoded.stderr));
    eprint!("{}", String::from_utf8_lossy(&decoded.stdout));
}
