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
    /// A variable of the environment looks like one that sets something, and sets nothing.
    #[error("there is no setting for the variable {0}{1}; `annals serve --print-config` lists all with theirs")]
    UnknownVariable(String, String),
    /// The values do not go together.
    #[error("{0}")]
    Problem(String),
}

/// So many letters off, a variable is likely a misspelt setting and not another program's.
const LETTERS_OFF_MAX: usize = 2;

/// The variable of the environment that sets `key`: `limits.tails_max` is set by `ANNALS_LIMITS_TAILS_MAX`.
pub fn variable(key: &str) -> String {
    format!("ANNALS_{}", key.replace('.', "_").to_ascii_uppercase())
}

impl Config {
    /// Reads the file, if one is named, puts the environment over it and the flags over both. `flags` holds keys like
    /// `server.listen` with their values as text.
    ///
    /// Variables that are no settings are left alone; see [`Config::check_variables`].
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

impl Config {
    /// Refuses a variable of the environment that was likely meant to set something and is misspelt: one that begins
    /// like those of a section of settings, or differs from a setting's by a letter or two. Those that container
    /// platforms make for a service of the name annals are theirs.
    ///
    /// # Errors
    /// [`ConfigError::UnknownVariable`].
    pub fn check_variables(names: impl IntoIterator<Item = String>) -> Result<(), ConfigError> {
        let known: Vec<String> = Self::settings().iter().map(|setting| variable(&setting.key)).collect();
        let sections: Vec<String> = Self::settings()
            .iter()
            .filter_map(|setting| Some(variable(setting.key.split_once('.')?.0) + "_"))
            .collect();
        for name in names.into_iter().filter(|name| name.starts_with("ANNALS_") && !known.contains(name)) {
            let is_a_platforms = name.contains("_SERVICE_") || name.contains("_PORT");
            let distance = |known: &&String| strsim::damerau_levenshtein(&name, known);
            let nearest = known.iter().min_by_key(distance).filter(|known| distance(known) <= LETTERS_OFF_MAX);
            if is_a_platforms || (nearest.is_none() && !sections.iter().any(|section| name.starts_with(section))) {
                continue;
            }
            let meant = nearest.map(|known| format!(" (is {known} meant?)")).unwrap_or_default();
            return Err(ConfigError::UnknownVariable(name, meant));
        }
        Ok(())
    }
}

/// The file as a table, once it is known that it makes a configuration by itself: then errors have their line.
fn read(path: &Path) -> Result<Table, ConfigError> {
    let unreadable = |reason: String| ConfigError::Unreadable { path: path.to_owned(), reason };
    let bytes = fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(unreadable("it is UTF-16; `iconv -f UTF-16 -t UTF-8` converts it".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|error| unreadable(format!("it is not UTF-8: {error}")))?;
    // Editors of some systems put a mark at the start.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
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
