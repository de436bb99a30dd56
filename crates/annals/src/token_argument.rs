//! Resume and page tokens as text that can be copied from one command to another.

use std::fmt;
use std::str::FromStr;

use annals_client::{PageToken, ResumeToken};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const RESUME: &str = "token:";
const PAGE: &str = "page:";

/// A resume token; `token:` and its bytes in base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResumeTokenText(pub(crate) ResumeToken);

/// A page token; `page:` and its bytes in base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageTokenText(pub(crate) PageToken);

impl FromStr for ResumeTokenText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        decode(text, RESUME).map(|bytes| Self(ResumeToken::from_bytes(bytes)))
    }
}

impl FromStr for PageTokenText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        decode(text, PAGE).map(|bytes| Self(PageToken::from_bytes(bytes)))
    }
}

impl fmt::Display for ResumeTokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{RESUME}{}", URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }
}

impl fmt::Display for PageTokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PAGE}{}", URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }
}

fn decode(text: &str, marker: &str) -> Result<Vec<u8>, String> {
    let encoded = text.trim().strip_prefix(marker).ok_or_else(|| format!("a token begins with {marker:?}"))?;
    URL_SAFE_NO_PAD.decode(encoded).map_err(|error| format!("the token was changed or cut on its way: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_from_their_text_and_are_not_taken_for_one_another() {
        let resume = ResumeTokenText(ResumeToken::from_bytes(vec![1, 2, 255]));
        assert_eq!(resume.to_string().parse(), Ok(resume.clone()));
        assert!(resume.to_string().parse::<PageTokenText>().is_err());
        assert!("token:!".parse::<ResumeTokenText>().is_err());
    }
}
