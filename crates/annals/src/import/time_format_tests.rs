//! How times in inputs are read: exactly, or not at all.

use super::time_format::{RepeatedTime, TimeFormat, TimeReader};

fn reader(format: &str, zone: &str, repeated: Option<RepeatedTime>) -> TimeReader {
    TimeReader { format: format.parse().expect("a format"), zone: zone.parse().expect("a zone"), repeated }
}

fn read(format: &str, zone: &str, text: &str) -> Result<String, String> {
    reader(format, zone, None).read(text).map(|time| time.to_string())
}

#[test]
fn calendar_times_take_their_own_offset_or_the_zones() {
    let noon = Ok("2013-02-08T17:00:00Z".to_owned());
    assert_eq!(read("rfc3339", "America/New_York", "2013-02-08T17:00:00Z"), noon);
    assert_eq!(read("rfc3339", "America/New_York", " 2013-02-08 12:00 "), noon);
    assert_eq!(read("rfc3339", "-05:00", "2013-02-08T12:00:00"), noon);
    assert_eq!(read("rfc3339", "UTC", "2013-02-08").as_deref(), Ok("2013-02-08T00:00:00Z"));
}

#[test]
fn numbers_count_what_they_were_said_to_count_exactly() {
    let exact = Ok("2013-02-08T14:00:00.123456789Z".to_owned());
    assert_eq!(read("s", "UTC", "1360332000.123456789"), exact);
    assert_eq!(read("ms", "UTC", "1360332000123.456789"), exact);
    assert_eq!(read("us", "UTC", "1360332000123456.789000"), exact);
    assert_eq!(read("ns", "UTC", "1360332000123456789"), exact);
    assert_eq!(read("s", "UTC", "-1.5").as_deref(), Ok("1969-12-31T23:59:58.500Z"));
    assert!(read("s", "UTC", "1360332000123").expect_err("too late").contains("is the unit right?"));
    assert!(read("ns", "UTC", "1.5").expect_err("half a nanosecond").contains("0 decimals"));
}

#[test]
fn patterns_read_dates_times_and_offsets() {
    let noon = Ok("2013-02-08T17:00:00Z".to_owned());
    assert_eq!(read("%d/%m/%Y %H%M", "America/New_York", "08/02/2013 1200"), noon);
    assert_eq!(read("%d/%m/%Y %I:%M %p", "America/New_York", "08/02/2013 12:00 PM"), noon);
    assert_eq!(read("%Y-%m-%d %H:%M %z", "UTC", "2013-02-08 12:00 -0500"), noon);
    assert_eq!(read("%s", "America/New_York", "1360342800"), noon);
    assert_eq!(read("%Y%m%d", "UTC", "20130208").as_deref(), Ok("2013-02-08T00:00:00Z"));
    assert!(read("%Y%m%d", "UTC", "2013-02-08").is_err());
    assert_eq!(read("%Y %m %d %H", "UTC", "2013 1 1 5").as_deref(), Ok("2013-01-01T05:00:00Z"));
    assert_eq!(read("%Y-%m-%d %I %p", "UTC", "2013-01-01 5 PM").as_deref(), Ok("2013-01-01T17:00:00Z"));
    assert_eq!(read("%Y-%m-%d %H %z", "UTC", "2013-02-08 12 -0500"), noon);
    assert_eq!(read("%Y-%m-%d %H:%M EST", "-05:00", "2013-02-08 12:00 EST"), noon);
    for (pattern, text) in [("%Y %I", "2013 5"), ("%Y-%m-%d %p", "2013-02-08 PM"), ("%Y-%m-%d %S", "2013-02-08 7")] {
        assert!(read(pattern, "UTC", text).is_err(), "{pattern} leaves the hour open");
    }
    assert!("%Q".parse::<TimeFormat>().is_err() && "iso".parse::<TimeFormat>().is_err());
}

#[test]
fn decimals_are_read_whole_or_refused() {
    let exact = Ok("2013-02-08T14:00:00.123456789Z".to_owned());
    for (format, text) in [
        ("rfc3339", "2013-02-08T14:00:00.123456789Z"),
        ("rfc3339", "2013-02-08 14:00:00.1234567890"),
        ("%Y-%m-%d %H:%M:%S%.f", "2013-02-08 14:00:00.123456789000"),
        ("%Y-%m-%d %H:%M:%S.%f", "2013-02-08 14:00:00.123456789"),
        ("%d.%m.%Y%H%M%S%.f", "08.02.2013140000.123456789"),
        ("%s%.f", "1360332000.123456789"),
        ("s", "1.360332000123456789e9"),
        ("ns", "136033200012345678900e-2"),
    ] {
        assert_eq!(read(format, "UTC", text), exact, "{format} {text}");
    }
    assert_eq!(read("%H:%M:%S.%f %Y-%m-%d", "UTC", "14:00:00.5 2013-02-08").as_deref(), Ok("2013-02-08T14:00:00.500Z"));
    for (format, text) in [
        ("rfc3339", "2013-02-08T14:00:00.1234567891Z"),
        ("rfc3339", "2013-02-08 14:00:00.1234567891"),
        ("%Y-%m-%d %H:%M:%S%.f", "2013-02-08 14:00:00.1234567891"),
        ("s", "1360332000.1234567891"),
        ("s", "1.3603320001234567891e9"),
        ("s", "1e99"),
    ] {
        assert!(read(format, "UTC", text).expect_err(text).contains("decimals"), "{format} {text}");
    }
}

#[test]
fn a_second_60_is_refused_also_where_a_leap_second_was() {
    for (format, text) in [
        ("rfc3339", "2013-02-08T14:00:60Z"),
        ("rfc3339", "2013-02-08 14:00:60"),
        ("rfc3339", "2016-12-31T23:59:60.5Z"),
        ("%Y-%m-%d %H:%M:%S", "2013-02-08 14:00:60"),
        ("%Y-%m-%d %H:%M:%S %z", "2013-02-08 14:00:60 +0100"),
    ] {
        assert!(read(format, "Europe/Zurich", text).expect_err(text).contains("second 60"), "{format} {text}");
    }
}

#[test]
fn a_pattern_that_would_pass_over_what_it_reads_is_refused_at_once() {
    let zone = "%Y-%m-%d %H:%M:%S %Z".parse::<TimeFormat>().expect_err("which IST?");
    assert!(zone.contains("--time-zone -05:00"), "{zone}");
    assert!("%H:%M:%S,%f".parse::<TimeFormat>().expect_err("nanoseconds").contains("%.f"));
}

#[test]
fn a_time_that_was_twice_or_never_is_refused_until_it_is_said_which() {
    let twice = read("rfc3339", "America/New_York", "2013-11-03 01:30").expect_err("put back");
    let never = read("rfc3339", "America/New_York", "2013-03-10 02:30").expect_err("put forward");
    assert!(twice.contains("twice") && never.contains("never"), "{twice}; {never}");
    let said = [RepeatedTime::First, RepeatedTime::Second].map(|repeated| {
        let time = reader("rfc3339", "America/New_York", Some(repeated)).read("2013-11-03 01:30");
        time.expect("it was said which").to_string()
    });
    assert_eq!(said, ["2013-11-03T05:30:00Z", "2013-11-03T06:30:00Z"]);
}
