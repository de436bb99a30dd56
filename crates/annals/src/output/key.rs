//! Partition keys as text, both ways.
//!
//! A key that is UTF-8 without control characters is written as it is; any other as `base64:` and its bytes. So that
//! every text names one key, a readable key that itself begins with `base64:` is written in base64 as well.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const MARKER: &str = "base64:";

/// The key's text; [`key_from_text`] gives the same bytes again.
pub(crate) fn key_to_text(key: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(key) {
        Ok(text) if !text.starts_with(MARKER) && !text.chars().any(char::is_control) => Cow::Borrowed(text),
        _ => Cow::Owned(format!("{MARKER}{}", STANDARD.encode(key))),
    }
}

/// The bytes of a key written as text, or as `base64:` and its bytes.
///
/// # Errors
/// When what follows `base64:` is not base64.
pub(crate) fn key_from_text(text: &str) -> Result<Vec<u8>, String> {
    match text.strip_prefix(MARKER) {
        None => Ok(text.as_bytes().to_vec()),
        Some(encoded) => STANDARD.decode(encoded).map_err(|error| {
            format!("what follows {MARKER:?} is not base64 ({error}); write the key as plain text, or encode its bytes")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_comes_back_from_its_text() {
        let keys: [&[u8]; 6] = [b"N14228", "Zürich".as_bytes(), b"\x00\x01\xff", b"base64:AAEC", b"a\nb", b"\x1b[31m"];
        for key in keys {
            let text = key_to_text(key);
            assert!(!text.chars().any(char::is_control), "{text:?} would act on a terminal");
            assert_eq!(key_from_text(&text).as_deref(), Ok(key), "{text:?}");
        }
        assert_eq!(key_to_text(b"N14228"), "N14228");
        assert_eq!(key_to_text(b"\x00\x01\x02"), "base64:AAEC");
    }

    #[test]
    fn broken_base64_is_refused() {
        assert!(key_from_text("base64:???").is_err());
    }
}
