//! Rules for documents: what they name exists. A page that names a path, a function or a test that is gone misleads.

use std::path::{Path, PathBuf};

use crate::tree::{files, root, text};

/// A path that is named in prose starts with one of these.
const TOPS: [&str; 6] = ["crates/", "tests/", "benches/", "proto/", "deploy/", ".ci/"];

/// Fixed words before the name of an item in a Rust file.
const ITEMS: [&str; 9] = ["fn ", "struct ", "enum ", "trait ", "const ", "static ", "mod ", "type ", "macro_rules! "];

/// A link of a document: `[text](target)`.
struct Link {
    text: String,
    target: String,
}

fn links(document: &str) -> Vec<Link> {
    let mut found = Vec::new();
    for (middle, _) in document.match_indices("](") {
        let start = document[..middle].rfind('[').map(|start| start + 1);
        let end = document[middle + 2..].find(')').map(|length| middle + 2 + length);
        if let (Some(start), Some(end)) = (start, end) {
            found.push(Link { text: document[start..middle].to_owned(), target: document[middle + 2..end].to_owned() });
        }
    }
    found
}

/// What stands between single backticks, code blocks left out.
fn code_spans(document: &str) -> Vec<String> {
    let mut outside = true;
    let mut spans = Vec::new();
    for line in document.lines() {
        if line.trim_start().starts_with("```") {
            outside = !outside;
        } else if outside {
            spans.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    spans
}

fn is_external(target: &str) -> bool {
    target.contains("://") || target.starts_with('#') || target.starts_with("mailto:")
}

/// Where a relative link of `document` leads, from the checkout on.
fn resolve(document: &Path, target: &str) -> PathBuf {
    let path = target.split('#').next().unwrap_or_default();
    document.parent().unwrap_or(Path::new("")).join(path)
}

#[test]
fn links_of_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for document in files(&[".md"]) {
        for link in links(&text(&document)).into_iter().filter(|link| !is_external(&link.target)) {
            if !root().join(resolve(&document, &link.target)).exists() {
                broken.push(format!("{}: [{}]({})", document.display(), link.text, link.target));
            }
        }
    }
    assert!(broken.is_empty(), "these links lead nowhere: {broken:#?}");
}

#[test]
fn paths_named_in_documents_exist() {
    let mut missing = Vec::new();
    for document in files(&[".md", ".rs", ".toml", ".proto"]) {
        let named = code_spans(&text(&document));
        for path in named.iter().filter(|span| TOPS.iter().any(|top| span.starts_with(top))) {
            let is_pattern = path.contains(['*', '{', ' ', '<', '…', '"']);
            if !is_pattern && !root().join(path.trim_end_matches('/')).exists() {
                missing.push(format!("{}: `{path}`", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "these paths are named and not there: {missing:#?}");
}

#[test]
fn functions_and_tests_named_in_documents_exist() {
    let mut missing = Vec::new();
    for document in files(&[".md"]) {
        for link in links(&text(&document)).into_iter().filter(|link| !is_external(&link.target)) {
            let Some(code) = link.text.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) else { continue };
            let target = resolve(&document, &link.target);
            if target.extension().is_some_and(|extension| extension == "rs") && !code.contains(['/', '.']) {
                let name = code.rsplit("::").next().unwrap_or(code).trim_end_matches("()");
                if !defines(&text(&target), name) {
                    missing.push(format!("{}: `{code}` in {}", document.display(), target.display()));
                }
            }
        }
    }
    assert!(missing.is_empty(), "these names are not defined where the documents say: {missing:#?}");
}

#[test]
fn every_suite_says_what_it_proves() {
    let page = text(Path::new("tests/README.md"));
    let named = |path: &Path| links(&page).iter().any(|link| Path::new("tests").join(&link.target) == path);
    let is_suite = |path: &PathBuf| path.parent() == Some(Path::new("tests")) || path.ends_with("main.rs");
    let suites = files(&[".rs"]).into_iter().filter(|path| path.starts_with("tests")).filter(is_suite);
    let unnamed: Vec<_> = suites.filter(|path| !named(path) && !path.parent().is_some_and(named)).collect();
    assert!(unnamed.is_empty(), "tests/README.md does not say what these prove: {unnamed:#?}");
}

fn defines(source: &str, name: &str) -> bool {
    ITEMS.iter().any(|item| {
        let wanted = format!("{item}{name}");
        source.match_indices(&wanted).any(|(at, _)| {
            let next = source[at + wanted.len()..].chars().next();
            next.is_none_or(|next| !next.is_alphanumeric() && next != '_')
        })
    })
}

#[test]
fn a_name_is_found_only_as_a_whole() {
    assert!(defines("pub(crate) fn commit(group: Group) {", "commit"));
    assert!(!defines("fn commit_group() {}", "commit"));
    assert!(!defines("commit()", "commit"));
}
