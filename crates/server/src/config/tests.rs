//! Layers go before one another as documented, and what is wrong is refused by name.

use std::fs;
use std::path::Path;

use super::*;

fn load(file: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let directory = tempfile::tempdir().expect("a folder");
    let path = directory.path().join("annals.toml");
    fs::write(&path, file).expect("a file");
    let variables: std::collections::HashMap<_, _> = environment.iter().copied().collect();
    let flags: Vec<_> = flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    Config::load(Some(&path), |name| variables.get(name).map(|value| (*value).to_owned()), &flags)
}

#[test]
fn a_flag_goes_before_the_environment_before_the_file_before_the_default() {
    let file = "[limits]\ntails_max = 1\nkeys_max = 2\nidle_time_max = \"2m\"\n";
    let environment = [("ANNALS_LIMITS_TAILS_MAX", "10"), ("ANNALS_LIMITS_IDLE_TIME_MAX", "90s")];
    let config = load(file, &environment, &[("limits.tails_max", "100")]).expect("a configuration");
    assert_eq!((config.limits.tails_max, config.limits.keys_max), (100, 2));
    assert_eq!(config.limits.idle_time_max, Period::seconds(90));
    assert_eq!(config.limits.connections_max, Limits::default().connections_max);
}

#[test]
fn unknown_keys_are_refused_by_name() {
    for file in ["[limits]\ntail_max = 1\n", "[sever]\n", "listen = \"127.0.0.1:1\"\n"] {
        let error = load(file, &[], &[]).expect_err("an unknown key").to_string();
        assert!(error.contains("unknown field"), "{error}");
    }
    let error = load("", &[], &[("limits.tail_max", "1")]).expect_err("an unknown setting");
    assert_eq!(error, ConfigError::UnknownSetting("limits.tail_max".into()));
}

#[test]
fn a_value_of_the_wrong_kind_names_where_it_comes_from() {
    let error = |environment: &[(&str, &str)]| load("", environment, &[]).expect_err("a wrong value").to_string();
    assert_eq!(
        error(&[("ANNALS_LIMITS_TAILS_MAX", "many")]),
        "ANNALS_LIMITS_TAILS_MAX is wrong: \"many\" is not a whole number"
    );
    assert!(error(&[("ANNALS_LIMITS_IDLE_TIME_MAX", "5 parsecs")]).contains("ANNALS_LIMITS_IDLE_TIME_MAX is wrong"));
    assert!(error(&[("ANNALS_SERVER_LISTEN", "nowhere")]).contains("ANNALS_SERVER_LISTEN is wrong"));
    assert!(load("[limits]\ntails_max = \"many\"\n", &[], &[]).expect_err("text").to_string().contains("line 2"));
}

#[test]
fn listening_to_everybody_takes_a_word() {
    let error = load("", &[], &[("server.listen", "0.0.0.0:7440")]).expect_err("no word").to_string();
    assert!(error.contains("--insecure"), "{error}");
    let allowed = load("", &[], &[("server.listen", "[::]:7440"), ("server.insecure", "true")]);
    assert!(allowed.expect("the word was said").server.insecure);
}

#[test]
fn values_that_make_no_server_are_refused() {
    let files = [
        "tails_max = 0",
        "sending_bytes_max = 0",
        "response_bytes_target = 1",
        "call_window_bytes = 1",
        "request_bytes_max = 65535",
        "request_bytes_max = 16777217",
    ];
    for file in files.map(|setting| format!("[limits]\n{setting}\n")) {
        let file = &file;
        assert!(matches!(load(file, &[], &[]), Err(ConfigError::Problem(_))), "{file}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Some(Path::new("/nowhere/annals.toml")), |_| None, &[]).expect_err("no file");
    assert!(error.to_string().contains("/nowhere/annals.toml"));
}

/// Set `ANNALS_WRITE_DEPLOY` to write the file anew after a setting has changed.
#[test]
fn the_file_to_start_from_documents_every_setting_with_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/annals.toml");
    if std::env::var_os("ANNALS_WRITE_DEPLOY").is_some() {
        fs::write(&path, Config::commented()).expect("deploy/annals.toml");
    }
    let file = fs::read_to_string(&path).expect("deploy/annals.toml");
    assert!(
        file == Config::commented(),
        "write deploy/annals.toml anew: ANNALS_WRITE_DEPLOY=1 cargo test -p annals-server"
    );
    let uncommented: String = file
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
        .fold(String::new(), |all, line| all + line + "\n");
    assert_eq!(toml::from_str::<Config>(&uncommented).expect("a configuration"), Config::default());
}

#[test]
fn the_small_machines_file_adds_up_to_less_than_its_limit() {
    const MIB: u64 = 1024 * 1024;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/annals-small.toml");
    let small = Config::load(Some(&path), |_| None, &[]).expect("deploy/annals-small.toml");
    let windows = small.limits.connections_max as u64 * u64::from(small.limits.connection_window_bytes);
    assert!(small.memory_bytes_max() + windows <= 224 * MIB, "{} and {windows}", small.memory_bytes_max());
    assert!((1_500 * MIB..2_048 * MIB).contains(&Config::default().memory_bytes_max()));
}
