//! Settings: name, documentation and default of each, written down once.
//!
//! `settings!` makes of one list a struct that serde fills, its defaults, and the descriptions from which the commented
//! configuration file and the names of the environment's variables come.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is known of a setting without its value.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its key in the file, with its section: `limits.connections_max`.
    pub key: String,
    /// What it is, why it has its default; one line of text for each.
    pub documentation: &'static [&'static str],
    /// Its default, as the file would give it.
    pub default: toml::Value,
}

/// A span of time, written like `5s` or `1m 30s`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(Duration);

impl Period {
    /// So many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// So many milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// The time.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl fmt::Debug for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Period {
    type Err = humantime::DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        humantime::parse_duration(text).map(Self)
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error| serde::de::Error::custom(format!("{text:?} is no time like \"5s\": {error}")))
    }
}

/// Makes a struct of settings with serde, defaults and descriptions. A field of another such struct is no setting of
/// its own and has no place here.
macro_rules! settings {
    (
        $(#[$struct_doc:meta])+
        pub struct $name:ident {
            $($(#[doc = $doc:literal])+ pub $field:ident: $type:ty = $default:expr,)+
        }
    ) => {
        $(#[$struct_doc])+
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: $type,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $name {
            /// The settings of this section, in order.
            pub(crate) fn describe(section: &str) -> Vec<$crate::config::Setting> {
                let defaults = toml::Table::try_from(Self::default()).expect("settings are written as TOML");
                vec![$($crate::config::Setting {
                    key: format!("{section}{}", stringify!($field)),
                    documentation: &[$($doc),+],
                    default: defaults[stringify!($field)].clone(),
                },)+]
            }
        }
    };
}

pub(crate) use settings;
