//! Plots of the committed week of flights, as they are printed.

use std::io::BufRead;

use annals_client::EventTime;
use chrono::DateTime;
use chrono_tz::Tz;
use serde_json::Value;

use super::{Collector, Look, Measure, Series, TimeAxis, draw};

const STORM: &[u8] = include_bytes!("../../fixtures/storm.ndjson.gz");

fn time(text: &str) -> EventTime {
    let time = DateTime::parse_from_rfc3339(text).expect("a time");
    EventTime::from_unix_nanos(time.timestamp_nanos_opt().expect("within the centuries"))
}

fn axis(from: &str, until: &str, room: usize) -> TimeAxis {
    TimeAxis::new(time(from), time(until), None, room, Tz::America__New_York).expect("fits")
}

/// Departures and cancellations by the hour.
fn counts(axis: &TimeAxis) -> Vec<Series> {
    let mut collector = Collector::new(axis);
    for event in storm() {
        collector.add(event["kind"].as_str(), time(event["time"].as_str().expect("text")), None);
    }
    collector.finish(&["departed".to_owned(), "cancelled".to_owned()], 6)
}

fn delays(axis: &TimeAxis) -> Vec<Series> {
    let mut collector = Collector::new(axis);
    for event in storm().filter(|event| event["kind"] == "departed") {
        collector.add(None, time(event["time"].as_str().expect("text")), event["delay"].as_f64());
    }
    collector.finish(&[], 6)
}

fn storm() -> impl Iterator<Item = Value> {
    let lines = std::io::BufReader::new(flate2::read::GzDecoder::new(STORM)).lines();
    lines.map(|line| serde_json::from_str(&line.expect("text")).expect("an object"))
}

#[test]
fn departures_stop_and_cancellations_rise_when_the_storm_comes() {
    let axis = axis("2013-02-08T05:00:00Z", "2013-02-11T04:59:59Z", 72);
    let drawn = draw(&counts(&axis), &axis, Measure::Events, Look { width: 80, rows: 6, colors: false });
    let expected = "
        departed  1,555 events, at most 73 an hour (2013-02-08 08:00)
    80 ┤        ▄
       │       ▁█▁                                              ▅      ▆▄▇▇▃
       │      ▇███ ▁                           ▃ ▅             ▁█▁▁▃ ▁▁█████▄
    40 ┤      ████▁█▃▆▁                       ▃█▆█▄▄          ▄█████▇████████▁
       │     ▅█████████▆                     ▃██████▃         ████████████████
       │▂   ▁███████████▄▁               ▁  ▅████████▆▃▁    ▁▅████████████████▇▅
     0 ┴────────────────────────────────────────────────────────────────────────

        cancelled  891 events, at most 68 an hour (2013-02-08 17:00)
    80 ┤                 ▁
       │                ▅█▆▄          ▃ █
       │               ▇████▄         █▃█▂
    40 ┤               ██████         ████ ▄
       │             ▂▇███████        ███████▅▂ ▁
       │      ▄▁▄▂▄█▅█████████▄▁     ▃█████████▆█▄▃▂▃▂▁       ▁▁▃▁ ▁▂▁▁▁▁▁▂▁ ▁
     0 ┴────────────────────────────────────────────────────────────────────────
        Feb 8       12:00       Feb 9       12:00       Feb 10      12:00
        times in America/New_York
";
    assert_eq!(drawn.join("\n") + "\n", expected[1..]);
}

#[test]
fn delays_are_a_line_of_means_over_a_shade_with_zero_marked() {
    let axis = axis("2013-02-06T05:00:00Z", "2013-02-13T04:59:59Z", 92);
    let drawn = draw(&delays(&axis), &axis, Measure::Column("delay"), Look { width: 100, rows: 10, colors: false });
    let expected = "
        delay, each 2h: 5,115 values from -22 to 853, mean 14.26
   800 ┤                                                           ░
       │                                                           ░
   600 ┤                                                           ░
       │                                                           ░
       │                                                           ░
   400 ┤                                                      ░    ░       ░ ░░░
       │           ░                 ░░░          ░░          ░   ░░       ░ ░░░⢠⡇    ░
   200 ┤     ░░░ ░░░     ░  ░░░░░   ░░░░          ░░ ░       ░░ ░ ░░     ░░░░░░⣀⡜⢸  ░ ░ ░░░
       │     ░░░░░⢀⢄⡀   ░░░ ░░░⡀░  ░░░░░░         ░░░░     ░░░░░░░⢀⠆   ░░░░░░⢠⠊░░⠸⡀░░░░░░░░░
     0 ┤┈┈⠤⠤⠤⠤⠤⠤⠤⠔⠊░┈┈⠤⠤⠤⠤⠤⠤⠤⠔⠊⠈⠁┈⠤⠤⠔⠊⠑⠒⠂┈┈┈┈┈┈┈⠄┈⠑⠒⠒⠢⠤⠄┈┈⠤⠤⠤⠤⠤⠔⠒⠒⠊░┈┈⠤⠤⠤⠔⠒⠊⠉⠁░░░┈⠧⠤⠤⠤⠤⠤⠤⠤⠔⠂
       └────────────────────────────────────────────────────────────────────────────────────
        Feb 6       Feb 7       Feb 8       Feb 9       Feb 10      Feb 11      Feb 12
        times in America/New_York   ░ from least to greatest   ⠒ mean
";
    assert_eq!(drawn.join("\n") + "\n", expected[1..]);
}

#[test]
fn no_line_is_wider_than_the_terminal_and_plain_output_has_no_colours() {
    for width in [30, 31, 50, 80, 133] {
        let look = Look { width, rows: 5, colors: false };
        let axis = axis("2013-02-06T05:00:00Z", "2013-02-13T04:59:59Z", look.room());
        let lines = [
            draw(&counts(&axis), &axis, Measure::Events, look),
            draw(&delays(&axis), &axis, Measure::Column("x"), look),
        ];
        for line in lines.iter().flatten() {
            assert!(line.chars().count() <= width, "{width}: {line}");
            assert!(!line.contains('\u{1b}'), "{line:?}");
        }
    }
}
