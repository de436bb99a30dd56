//! The drawing: a panel for each series, one under another over the same time axis.

use indicatif::HumanCount;

use super::canvas::{Braille, bars};
use super::series::Series;
use super::time_axis::TimeAxis;
use super::value_axis::ValueAxis;
use crate::output::printable;

/// What of the events is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure<'a> {
    /// How many there are.
    Events,
    /// The numbers in a column: their mean, and from the least to the greatest.
    Column(&'a str),
}

/// How large, and whether coloured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Columns of the terminal.
    pub(crate) width: usize,
    /// Rows of each panel, its title and axis not counted.
    pub(crate) rows: usize,
    pub(crate) colors: bool,
}

/// Columns left of the drawing: the values' labels and the axis.
const LABEL_COLUMNS: usize = 8;

/// The shade of what lies between the least and the greatest value.
const BAND: char = '░';

/// Zero, where values lie on both sides of it.
const ZERO_LINE: char = '┈';

const BOLD: &str = "1";
const DIM: &str = "2";
/// Cyan, magenta, yellow, green, blue, red: told apart on dark and on light.
const SERIES_COLORS: [&str; 6] = ["36", "35", "33", "32", "34", "31"];

impl Look {
    /// Columns that the drawing itself has.
    pub(crate) fn room(&self) -> usize {
        self.width.saturating_sub(LABEL_COLUMNS).max(1)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colors && !text.trim().is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Draws the series; lines without their ends.
pub(crate) fn draw(series: &[Series], axis: &TimeAxis, measure: Measure<'_>, look: Look) -> Vec<String> {
    let columns = (look.room() / axis.count()).max(1);
    let mut lines = Vec::new();
    for (index, one) in series.iter().enumerate() {
        let color = SERIES_COLORS[index % SERIES_COLORS.len()];
        let panel = Panel { series: one, axis, measure, look, columns, color };
        lines.extend(panel.lines());
        if index + 1 < series.len() {
            lines.push(String::new());
        }
    }
    lines.push(time_labels(axis, columns, look));
    let zone = axis.zone_name();
    let legend = match measure {
        Measure::Events => format!("times in {zone}"),
        Measure::Column(_) => format!("times in {zone}   {BAND} from least to greatest   ⠒ mean"),
    };
    lines.push(format!("{}{}", " ".repeat(LABEL_COLUMNS), look.paint(DIM, &fitted(&legend, look.room()))));
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

/// The value axis, the rows from the top, and the labelled values with the rows that they stand beside.
type Drawing = (ValueAxis, Vec<String>, Vec<(usize, f64)>);

struct Panel<'a> {
    series: &'a Series,
    axis: &'a TimeAxis,
    measure: Measure<'a>,
    look: Look,
    /// Columns of the terminal for each bucket.
    columns: usize,
    color: &'static str,
}

impl Panel<'_> {
    fn lines(&self) -> Vec<String> {
        let (values, rows, ticks) = match self.measure {
            Measure::Events => self.counts(),
            Measure::Column(_) => self.values(),
        };
        let mut lines = vec![self.title()];
        for (index, row) in rows.iter().enumerate() {
            lines.push(format!("{}{}", self.margin(&values, &ticks, index, '│', '┤'), self.painted(row)));
        }
        let line = "─".repeat(self.columns * self.axis.count());
        let margin = self.margin(&values, &ticks, rows.len(), '└', '┴');
        lines.push(format!("{margin}{}", self.look.paint(DIM, &line)));
        lines
    }

    fn title(&self) -> String {
        let Series { name, total, .. } = self.series;
        let unit = bucket_words(self.axis.width());
        let each = unit.trim_start_matches("a ").trim_start_matches("an ").trim_start_matches("in ");
        let detail = match (self.measure, total.range()) {
            (Measure::Events, _) => match self.series.peak() {
                Some(peak) => format!(
                    "{} events, at most {} {unit} ({})",
                    HumanCount(total.events),
                    HumanCount(self.series.buckets[peak].events),
                    self.axis.text_of(peak)
                ),
                None => "no events".to_owned(),
            },
            (Measure::Column(column), Some((low, mean, high))) => format!(
                "{column}, each {each}: {} values from {} to {}, mean {}",
                HumanCount(total.values),
                short(low),
                short(high),
                short(mean)
            ),
            (Measure::Column(column), None) => format!("no numbers in column {column}"),
        };
        let name = name.as_deref().map(printable).unwrap_or_default();
        let name = fitted(&name, self.look.room() / 2);
        let gap = if name.is_empty() { "" } else { "  " };
        let detail = fitted(&detail, self.look.room().saturating_sub(name.chars().count() + gap.len()));
        let bold_color = format!("{BOLD};{}", self.color);
        let (name, detail) = (self.look.paint(&bold_color, &name), self.look.paint(DIM, &detail));
        format!("{}{name}{gap}{detail}", " ".repeat(LABEL_COLUMNS))
    }

    /// Bars. A label stands beside the row whose upper edge is its value, and so zero beside the axis.
    fn counts(&self) -> Drawing {
        let (rows, most) = (self.look.rows, self.series.buckets.iter().map(|bucket| bucket.events).max());
        let values = ValueAxis::of_counts(most.unwrap_or(0), rows / 2 + 1);
        #[expect(clippy::cast_precision_loss, reason = "a chart shows three digits")]
        let heights: Vec<f64> = self.series.buckets.iter().map(|bucket| values.place(bucket.events as f64)).collect();
        let ticks = values.ticks().iter().map(|tick| (rows - scaled(values.place(*tick), rows), *tick)).collect();
        (values, bars(&heights, self.columns, rows), ticks)
    }

    /// A line of means over a shade from the least to the greatest. A label stands beside the row that holds its value.
    fn values(&self) -> Drawing {
        let (low, _, high) = self.series.total.range().unwrap_or((0.0, 0.0, 1.0));
        let (rows, columns) = (self.look.rows, self.columns * self.axis.count());
        let values = ValueAxis::of_values(low, high, rows / 2);
        let dot = |value: f64| scaled(values.place(value), rows * 4 - 1);
        let row_of = |value: f64| rows - 1 - dot(value) / 4;
        let mut shade = vec![vec![' '; columns]; rows];
        if low < 0.0 && high > 0.0 {
            shade[row_of(0.0)].fill(ZERO_LINE);
        }
        let mut line = Braille::new(columns, rows);
        let mut before = None;
        for (index, bucket) in self.series.buckets.iter().enumerate() {
            // A line across a bucket without values would show values where there were none.
            let Some((low, mean, high)) = bucket.range() else {
                before = None;
                continue;
            };
            for row in &mut shade[row_of(high)..=row_of(low)] {
                row[index * self.columns..(index + 1) * self.columns].fill(BAND);
            }
            let here = (index * self.columns * 2 + self.columns - 1, dot(mean));
            line.line(before.unwrap_or(here), here);
            before = Some(here);
        }
        let over = |(dots, shade)| if dots == ' ' { shade } else { dots };
        let drawn = line.rows().into_iter().zip(shade).map(|(line, shade)| line.chars().zip(shade).map(over).collect());
        let ticks = values.ticks().iter().map(|tick| (row_of(*tick), *tick)).collect();
        (values, drawn.collect(), ticks)
    }

    fn margin(&self, values: &ValueAxis, ticks: &[(usize, f64)], row: usize, plain: char, ticked: char) -> String {
        let tick = ticks.iter().find(|(at, _)| *at == row);
        let label = tick.map(|(_, value)| values.label(*value)).unwrap_or_default();
        let mark = if tick.is_some() { ticked } else { plain };
        self.look.paint(DIM, &format!("{label:>width$} {mark}", width = LABEL_COLUMNS - 2))
    }

    /// Colours runs of the series' characters, and dims those of the shade.
    fn painted(&self, row: &str) -> String {
        let mut painted = String::new();
        let mut rest = row;
        let is_shade = |character: char| character == BAND || character == ZERO_LINE;
        while let Some(first) = rest.chars().next() {
            let end = rest.find(|character| is_shade(character) != is_shade(first)).unwrap_or(rest.len());
            painted.push_str(&self.look.paint(if is_shade(first) { DIM } else { self.color }, &rest[..end]));
            rest = &rest[end..];
        }
        painted
    }
}

/// The labels under the last panel.
fn time_labels(axis: &TimeAxis, columns: usize, look: Look) -> String {
    let mut line = " ".repeat(LABEL_COLUMNS);
    for label in axis.labels(columns) {
        let at = LABEL_COLUMNS + label.bucket * columns;
        let length = line.chars().count();
        if length <= at && at + label.text.len() <= look.width {
            line.push_str(&" ".repeat(at - length));
            line.push_str(&label.text);
        }
    }
    look.paint(DIM, &line)
}

/// A bucket in words: "an hour", "in 3h".
fn bucket_words(width: std::time::Duration) -> String {
    match (width.as_secs(), width.subsec_nanos()) {
        (1, 0) => "a second".to_owned(),
        (60, 0) => "a minute".to_owned(),
        (3_600, 0) => "an hour".to_owned(),
        (86_400, 0) => "a day".to_owned(),
        (604_800, 0) => "a week".to_owned(),
        _ => format!("in {}", humantime::format_duration(width)),
    }
}

/// A part (0 to 1) of `whole`, rounded.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rows and dots"
)]
fn scaled(part: f64, whole: usize) -> usize {
    (part * whole as f64).round() as usize
}

/// The text, cut where it is longer than so many columns: a line that wraps would tear the drawing.
fn fitted(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    text.chars().take(columns.saturating_sub(1)).chain(['…']).collect()
}

/// A value with at most two decimals, or in powers of ten where that says nothing.
fn short(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(0.01..1e9).contains(&size) {
        return format!("{value:.2e}");
    }
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
