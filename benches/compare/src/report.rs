//! The results as a Markdown page and as JSON.

use std::fmt::Write;
use std::time::SystemTime;

use serde_json::{Map, Value, json};

use crate::args::Args;
use crate::figure::Figure;
use crate::machine;
use crate::results::{Cell, Results, Row};
use crate::work::Work;

/// Reasons that stand below the table, each once.
#[derive(Debug, Default)]
struct Notes(Vec<String>);

/// The table, what stands behind it, and what is missing, to be pasted into a page.
pub(crate) fn markdown(args: &Args, results: &Results) -> String {
    let mut page = String::new();
    let mut notes = Notes::default();
    let titles: Vec<_> = results.works.iter().map(|work| work.title()).collect();
    line(&mut page, format_args!("{}", heading(args)));
    line(&mut page, format_args!("\n| | {} |", titles.join(" | ")));
    line(&mut page, format_args!("| --- |{}", " --- |".repeat(titles.len())));
    for row in &results.peers {
        let cells = results.works.iter().zip(&row.cells).map(|(work, cell)| notes.cell(row, *work, cell));
        line(&mut page, format_args!("| {} | {} |", row.peer.title, cells.collect::<Vec<_>>().join(" | ")));
    }
    if !notes.0.is_empty() {
        page.push('\n');
    }
    for (index, note) in notes.0.iter().enumerate() {
        line(&mut page, format_args!("{}. {note}", index + 1));
    }
    line(&mut page, format_args!("\n| | version | an answered append is | settings and client |"));
    line(&mut page, format_args!("| --- | --- | --- | --- |"));
    for Row { peer, version, .. } in &results.peers {
        line(&mut page, format_args!("| {} | {version} | {} | {} |", peer.title, peer.durability, peer.settings));
    }
    if !results.missing.is_empty() {
        line(&mut page, format_args!("\nNot measured, or not to the end:\n"));
    }
    for missing in &results.missing {
        line(&mut page, format_args!("- {}: {}", missing.title, missing.reason));
    }
    page
}

/// Every figure of every round.
pub(crate) fn json(args: &Args, results: &Results) -> String {
    let peers: Vec<_> = results.peers.iter().map(|row| row_json(&results.works, row)).collect();
    let missing = results.missing.iter().map(|missing| json!({ "name": missing.name, "reason": missing.reason }));
    let all = json!({
        "date": date(),
        "machine": machine::words(&args.data),
        "seconds": args.time().as_secs_f64(),
        "rounds": args.rounds,
        "partitions": args.partitions,
        "events_each": args.events_each,
        "seed": args.seed,
        "peers": peers,
        "missing": missing.collect::<Vec<_>>(),
    });
    format!("{all:#}\n")
}

/// A value as the table has it: three digits.
pub(crate) fn value(work: Work, value: f64) -> String {
    if work == Work::Alone {
        return format!("{value:.0} us");
    }
    match value {
        value if value >= 999_500.0 => format!("{} M", three_digits(value / 1e6)),
        value if value >= 999.5 => format!("{} k", three_digits(value / 1e3)),
        value => three_digits(value),
    }
}

impl Notes {
    /// The text of a cell: its median, or a dash with a note that says why there is none.
    fn cell(&mut self, row: &Row, work: Work, cell: &Cell) -> String {
        if let Some(reason) = row.peer.cannot(work) {
            return format!("- [{}]", self.number(format!("{}: {reason}.", row.peer.title)));
        }
        let failed = cell.failures.last().map(|error| {
            let (times, title) = (cell.failures.len(), row.peer.title);
            self.number(format!(
                "{title}: {} failed {times} times, last with: {}.",
                work.name(),
                error.trim_end_matches('.')
            ))
        });
        match (cell.median(work), failed) {
            (Some(median), None) => value(work, median),
            (Some(median), Some(note)) => format!("{} [{note}]", value(work, median)),
            (None, Some(note)) => format!("- [{note}]"),
            (None, None) => "-".to_owned(),
        }
    }

    fn number(&mut self, note: String) -> usize {
        let known = self.0.iter().position(|other| *other == note);
        known.unwrap_or_else(|| {
            self.0.push(note);
            self.0.len() - 1
        }) + 1
    }
}

fn heading(args: &Args) -> String {
    format!(
        "{}, {}. Medians of {} rounds, {} s each after {} s to warm up; {} events of {} partitions are read.",
        date(),
        machine::words(&args.data),
        args.rounds,
        args.time().as_secs_f64(),
        args.warm_up().as_secs_f64(),
        args.stored(),
        args.partitions
    )
}

fn row_json(works: &[Work], row: &Row) -> Value {
    let mut cells = Map::new();
    for (work, cell) in works.iter().zip(&row.cells) {
        let told = match row.peer.cannot(*work) {
            Some(reason) => json!({ "cannot": reason }),
            None => json!({
                "median": cell.median(*work),
                "unit": if *work == Work::Alone { "us" } else { "per second" },
                "rounds": cell.figures.iter().map(Figure::to_json).collect::<Vec<_>>(),
                "failures": cell.failures,
            }),
        };
        cells.insert(work.name().to_owned(), told);
    }
    json!({
        "name": row.peer.name,
        "title": row.peer.title,
        "version": row.version,
        "durability": row.peer.durability,
        "settings": row.peer.settings,
        "work": cells,
    })
}

#[expect(clippy::disallowed_methods, reason = "a report says when it was made")]
fn date() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

fn three_digits(value: f64) -> String {
    let digits = match value {
        value if value < 9.995 => 2,
        value if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(page, "{text}").expect("a string takes any text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_three_digits_and_a_unit() {
        assert_eq!(value(Work::Batches, 1_234_567.0), "1.23 M");
        assert_eq!(value(Work::Batches, 999_600.0), "1.00 M");
        assert_eq!(value(Work::Scan, 34_561.0), "34.6 k");
        assert_eq!(value(Work::Scan, 987.4), "987");
        assert_eq!(value(Work::Alone, 307.4), "307 us");
    }
}
