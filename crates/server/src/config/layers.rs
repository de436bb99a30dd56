//! Puts a configuration together: defaults, file, environment, flags, each over the one before.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{Config, Setting};

/// Why there is no configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("the configuration file {path} can't be read: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// The file is not TOML, has an unknown key, or a value of the wrong kind.
    #[error("the configuration file {path} is wrong: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// A variable of the environment, or a flag, has a value that its setting can't have.
    #[error("{origin} is wrong: {reason}")]
    Value {
        /// The variable or the flag.
        origin: String,
        /// What is wrong.
        reason: String,
    },
    /// A flag sets something that is no setting.
    #[error("there is no setting {0}; `deploy/annals.toml` lists all")]
    UnknownSetting(String),
    /// The values do not go together.
    #[error("{0}")]
    Problem(String),
}

/// The variable of the environment that sets `key`: `limits.tails_max` is set by `ANNALS_LIMITS_TAILS_MAX`.
pub fn variable(key: &str) -> String {
    format!("ANNALS_{}", key.replace('.', "_").to_ascii_uppercase())
}

impl Config {
    /// Reads the file, if one is named, puts the environment over it and the flags over both. `flags` holds keys like
    /// `server.listen` with their values as text.
    ///
    /// Variables that begin like those of settings and are none are left alone: commands have some of their own.
    ///
    /// # Errors
    /// When anything is unknown, of the wrong kind, or does not go together.
    pub fn load(
        file: Option<&Path>,
        environment: impl Fn(&str) -> Option<String>,
        flags: &[(&str, String)],
    ) -> Result<Self, ConfigError> {
        let mut table = file.map_or_else(|| Ok(Table::new()), read)?;
        for setting in Self::settings() {
            let variable = variable(&setting.key);
            if let Some(text) = environment(&variable) {
                put(&mut table, &setting, &text, &variable)?;
            }
        }
        for (key, text) in flags {
            let setting = Self::settings().into_iter().find(|setting| setting.key == *key);
            let setting = setting.ok_or_else(|| ConfigError::UnknownSetting((*key).to_owned()))?;
            put(&mut table, &setting, text, &setting.key)?;
        }
        let config: Self =
            table.try_into().map_err(|error: toml::de::Error| ConfigError::Problem(error.to_string()))?;
        match config.problem() {
            Some(problem) => Err(ConfigError::Problem(problem)),
            None => Ok(config),
        }
    }
}

/// The file as a table, once it is known that it makes a configuration by itself: then errors have their line.
fn read(path: &Path) -> Result<Table, ConfigError> {
    let text = fs::read_to_string(path)
        .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), reason: error.to_string() })?;
    let wrong = |error: toml::de::Error| ConfigError::File { path: path.to_owned(), reason: error.to_string() };
    toml::from_str::<Config>(&text).map_err(wrong)?;
    text.parse().map_err(wrong)
}

/// Sets one setting from text; its default tells which kind of value it has.
fn put(table: &mut Table, setting: &Setting, text: &str, origin: &str) -> Result<(), ConfigError> {
    let value = match setting.default {
        Value::Integer(_) => text.parse().map(Value::Integer).map_err(|_| "is not a whole number"),
        Value::Boolean(_) => text.parse().map(Value::Boolean).map_err(|_| "is neither true nor false"),
        _ => Ok(Value::String(text.to_owned())),
    };
    let wrong = |reason: String| ConfigError::Value { origin: origin.to_owned(), reason };
    let value = value.map_err(|reason| wrong(format!("{text:?} {reason}")))?;
    let (section, name) = setting.key.split_once('.').expect("every setting has a section");
    let alone =
        Table::from_iter([(section.to_owned(), Value::Table(Table::from_iter([(name.to_owned(), value.clone())])))]);
    alone.try_into::<Config>().map_err(|error| wrong(error.message().to_owned()))?;
    let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
    section
        .as_table_mut()
        .expect("the file made a configuration, so its sections are tables")
        .insert(name.into(), value);
    Ok(())
}
