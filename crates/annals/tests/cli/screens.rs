//! Screens kept word for word: `tests/cmd/*.trycmd`, each a command line and what it writes.

#[test]
fn screens_are_as_they_were_agreed_on() {
    trycmd::TestCases::new().case("tests/cmd/*.trycmd").env("ANNALS_SERVER", "127.0.0.1:1");
}
