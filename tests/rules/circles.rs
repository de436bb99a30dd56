//! Rules for modules: within a crate they import one another one way, so that each can be read, tested and moved with only
//! those below it. In each folder the modules beside each other are looked at.
//!
//! Promises: no circle comes that is not in `KNOWN`, and none stays there that is open. Does not: see what is imported
//! through a name that a crate's root hands on, or one import more
//! within a circle that is listed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::tree::{files, text};

/// Crates that are looked at.
const CRATES: [&str; 11] =
    ["model", "event", "storage", "engine", "embedded", "wire", "service", "net", "grpc", "server", "client"];

/// The folder, and modules of it that can reach each other, in the order of the alphabet. This list only gets shorter.
const KNOWN: [(&str, &[&str]); 0] = [];

type Graph = BTreeMap<String, BTreeSet<String>>;

/// The path of a file's module: `a/mod.rs` and `a.rs` are `a`; none for a crate's root and for tests.
fn module(inside: &Path) -> Option<Vec<String>> {
    let mut path: Vec<_> =
        inside.iter().map(|part| part.to_string_lossy().trim_end_matches(".rs").to_owned()).collect();
    if path.iter().any(|part| part == "tests" || part.ends_with("_tests")) {
        return None;
    }
    path.pop_if(|last| last == "mod");
    (path != ["lib"] && path != ["main"]).then_some(path)
}

/// The source without comments and without the tests at its end.
fn code(source: &str) -> String {
    let tests = source
        .match_indices("#[cfg(test)]\nmod ")
        .find(|(at, _)| source[at + "#[cfg(test)]\n".len()..].lines().next().is_some_and(|line| line.ends_with('{')));
    let own = &source[..tests.map_or(source.len(), |(at, _)| at)];
    own.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The paths that follow `prefix`, each as far as it is one name after another; `{a, b::c}` are several.
fn paths_after(code: &str, at: usize) -> Vec<Vec<String>> {
    let rest = code[at..].trim_start();
    let Some(list) = rest.strip_prefix('{') else {
        let name: String = rest.chars().take_while(|sign| sign.is_alphanumeric() || *sign == '_').collect();
        let behind = &rest[name.len()..];
        let mut longer = behind.strip_prefix("::").map_or(Vec::new(), |deeper| paths_after(deeper, 0));
        for path in &mut longer {
            path.insert(0, name.clone());
        }
        return if longer.is_empty() { vec![vec![name]] } else { longer };
    };
    let (mut depth, mut start, mut found) = (0_usize, 0, Vec::new());
    for (at, sign) in list.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                found.extend(paths_after(&list[start..at], 0));
                start = at + 1;
                if sign == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    found
}

/// What the module at `path` names of its crate, from the crate's root on.
fn named(code: &str, path: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let is_name = |sign: char| sign.is_alphanumeric() || matches!(sign, '_' | ':' | '$');
    for (start, word) in code.match_indices("crate::").chain(code.match_indices("super::")) {
        if code[..start].ends_with(is_name) {
            continue;
        }
        let mut base = if word == "crate::" { &[][..] } else { &path[..path.len() - 1] };
        let mut at = start + word.len();
        while code[at..].starts_with("super::") && !base.is_empty() {
            (base, at) = (&base[..base.len() - 1], at + word.len());
        }
        found.extend(paths_after(code, at).into_iter().map(|rest| [base, &rest].concat()));
    }
    found
}

/// For each folder, which of its modules imports which other.
fn graphs(sources: &[(Vec<String>, String)]) -> BTreeMap<String, Graph> {
    let known: BTreeSet<&[String]> = sources.iter().map(|(path, _)| &path[..]).collect();
    let mut graphs: BTreeMap<String, Graph> = BTreeMap::new();
    for (path, code) in sources {
        for target in named(code, path) {
            let common = path.iter().zip(&target).take_while(|(one, other)| one == other).count();
            let is_beside = common < path.len() && common < target.len();
            if is_beside && known.iter().any(|known| known.starts_with(&target[..=common])) {
                let graph = graphs.entry(path[..common].join("/")).or_default();
                graph.entry(path[common].clone()).or_default().insert(target[common].clone());
            }
        }
    }
    graphs
}

fn reachable(graph: &Graph, from: &str) -> BTreeSet<String> {
    let (mut found, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
    while let Some(name) = open.pop() {
        for next in graph.get(&name).into_iter().flatten() {
            if found.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    found
}

/// Modules that reach each other, each such group once.
fn circles(graph: &Graph) -> BTreeSet<Vec<String>> {
    let reached: BTreeMap<_, _> = graph.keys().map(|name| (name, reachable(graph, name))).collect();
    let in_circle = |name: &&String| reached[*name].contains(*name);
    let group = |name: &String| -> Vec<String> {
        reached
            .iter()
            .filter(|(other, reach)| reached[name].contains(**other) && reach.contains(name))
            .map(|(other, _)| (*other).clone())
            .collect()
    };
    graph.keys().filter(in_circle).map(group).collect()
}

#[test]
fn modules_of_a_crate_do_not_import_each_other_in_circles() {
    let sources = files(&[".rs"]);
    let mut found = BTreeSet::new();
    for name in CRATES {
        let folder = Path::new("crates").join(name).join("src");
        let inside =
            sources.iter().filter_map(|path| Some((module(path.strip_prefix(&folder).ok()?)?, code(&text(path)))));
        for (below, graph) in graphs(&inside.collect::<Vec<_>>()) {
            let place = format!("{name}/{below}").trim_end_matches('/').to_owned();
            found.extend(circles(&graph).into_iter().map(|circle| (place.clone(), circle)));
        }
    }
    let known = KNOWN.map(|(place, circle)| (place.to_owned(), circle.iter().map(|name| (*name).to_owned()).collect()));
    let known: BTreeSet<(String, Vec<String>)> = known.into_iter().collect();
    let new: Vec<_> = found.difference(&known).collect();
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(new.is_empty(), "these modules import each other in a circle; open it: {new:?}\n{gone:?}");
    assert!(gone.is_empty(), "these circles are open; take them off the list: {gone:?}");
}

#[test]
fn a_circle_is_found_through_lists_and_parents() {
    let source = |path: &str, code: &str| (path.split('/').map(str::to_owned).collect::<Vec<_>>(), code.to_owned());
    let of = |sources: &[(Vec<String>, String)]| {
        graphs(sources).iter().map(|(place, graph)| (place.clone(), circles(graph))).collect::<Vec<_>>()
    };
    let straight = [source("a", "use crate::{b, c::D};"), source("b", "use super::c;"), source("c", "")];
    assert!(of(&straight).iter().all(|(_, circles)| circles.is_empty()));
    let round =
        [source("a/x", "use super::super::b::{self, y};"), source("b", "use std::{io, fmt};\nuse crate::a::x;")];
    assert_eq!(of(&round), [(String::new(), BTreeSet::from([vec!["a".to_owned(), "b".to_owned()]]))]);
    let inner =
        [source("a/x", "use super::y::Z;"), source("a/y", "fn f(x: &super::x::X) {}"), source("a", "use x::X;")];
    assert_eq!(of(&inner), [("a".to_owned(), BTreeSet::from([vec!["x".to_owned(), "y".to_owned()]]))]);
}
