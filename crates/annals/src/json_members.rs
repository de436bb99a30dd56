//! JSON as it was written: an object's members one by one, each with the text of its value.
//!
//! A value's text is kept, because what a general parser makes of it may be less: a number loses digits, and of a
//! member that is given twice only the last is left.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object, in the order in which they are written. A name may stand twice.
pub(crate) struct Members<'a>(pub(crate) Vec<(String, &'a str)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    members.push((name, value.get()));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl<'a> Members<'a> {
    /// The value of a member.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find_map(|(found, value)| (found == name).then_some(*value))
    }

    /// A name that is given twice.
    pub(crate) fn repeated(&self) -> Option<&str> {
        let mut names = self.0.iter().map(|(name, _)| name.as_str());
        if self.0.len() <= COMPARED_NAMES_MAX {
            return names.enumerate().find_map(|(index, name)| {
                let is_first = self.0[..index].iter().all(|(before, _)| before != name);
                (!is_first).then_some(name)
            });
        }
        let mut seen = HashSet::with_capacity(self.0.len());
        names.find(|name| !seen.insert(*name))
    }
}

/// Up to so many names, comparing each with each beats hashing them.
const COMPARED_NAMES_MAX: usize = 24;

/// A name that some object in `json`, at any depth, gives twice. `json` is known to be JSON.
pub(crate) fn repeated_member(json: &str) -> Option<String> {
    // One entry for each object and array that is open; only objects have names.
    let mut open: Vec<Option<HashSet<String>>> = Vec::new();
    let mut awaits_name = false;
    let bytes = json.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'{' => open.push(Some(HashSet::new())),
            b'[' => open.push(None),
            b'}' | b']' => drop(open.pop()),
            b'"' => {
                let end = end_of_string(bytes, at);
                if awaits_name && let Some(Some(names)) = open.last_mut() {
                    // A name that can't be read as text (half of a surrogate pair) is told apart by its escapes.
                    let written = &json[at..end];
                    let name = serde_json::from_str(written).unwrap_or_else(|_| written.to_owned());
                    if names.contains(&name) {
                        return Some(name);
                    }
                    names.insert(name);
                }
                awaits_name = false;
                at = end;
                continue;
            }
            _ => {}
        }
        awaits_name = match byte {
            b'{' => true,
            b',' => matches!(open.last(), Some(Some(_))),
            byte if byte.is_ascii_whitespace() => awaits_name,
            _ => false,
        };
        at += 1;
    }
    None
}

/// The place after the string that begins at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_what_was_written() {
        let json = r#" {"a": 1.50, "b" : {"x": [ 1 ]}, "a": "\u00e9"} "#;
        let members: Members = serde_json::from_str(json).expect("an object");
        let expected = [("a", "1.50"), ("b", r#"{"x": [ 1 ]}"#), ("a", r#""\u00e9""#)];
        assert_eq!(members.0, expected.map(|(name, value)| (name.to_owned(), value)));
    }

    #[test]
    fn a_name_given_twice_is_found_at_every_depth_and_in_every_spelling() {
        for (json, name) in [
            (r#"{"a":1,"a":2}"#, Some("a")),
            (r#"{"a":1,"\u0061":2}"#, Some("a")),
            (r#"{"a":[{"b":{}},{"x":1, "y": "}", "x":null}]}"#, Some("x")),
            (r#"[[{"k\"":0 , "k\"":0}]]"#, Some("k\"")),
            (r#"{"a":{"a":{"a":["a","a",{"b":"a"}]}},"b":["a"]}"#, None),
            (r#"{"a":"b","b":"a","c":["b",{"b":1},"b"]}"#, None),
            ("17", None),
        ] {
            assert_eq!(repeated_member(json).as_deref(), name, "{json}");
        }
    }
}
