//! The value axis: the range that is drawn, and round values to label.

/// A range of values, and those of them that are labelled.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ValueAxis {
    low: f64,
    high: f64,
    step: f64,
    ticks: Vec<f64>,
}

impl ValueAxis {
    /// For counts: from zero to a round value that is at least `max`, both labelled, at most `most` labels.
    pub(super) fn of_counts(max: u64, most: usize) -> Self {
        const STEPS: f64 = 5.0;
        #[expect(clippy::cast_precision_loss, reason = "a chart shows three digits")]
        let max = max.max(1) as f64;
        let step = round_up(max / STEPS).max(1.0);
        let steps = whole((max / step).ceil());
        let stride =
            (1..=steps).find(|stride| steps.is_multiple_of(*stride) && steps / stride < most.max(2)).unwrap_or(steps);
        Self::new(0.0, multiple(steps, step), multiple(stride, step), (0..=steps / stride).collect())
    }

    /// For numbers: just from `low` to `high`, with the round values in between labelled, at most `most` of them.
    pub(super) fn of_values(low: f64, high: f64, most: usize) -> Self {
        let (low, high) = if low < high { (low, high) } else { (low - 1.0, low + 1.0) };
        let most = multiple(most.clamp(1, 20), 1.0);
        let mut step = round_up((high - low) / (most + 1.0));
        loop {
            let (first, last) = ((low / step).ceil(), (high / step).floor());
            if last - first < most {
                let ticks = (0..=whole(last - first)).map(|index| first * step + multiple(index, step)).collect();
                return Self { low, high, step, ticks };
            }
            step = round_up(step * 1.5);
        }
    }

    fn new(low: f64, high: f64, step: f64, steps: Vec<usize>) -> Self {
        Self { low, high, step, ticks: steps.into_iter().map(|index| low + multiple(index, step)).collect() }
    }

    /// Where `value` lies: 0 at the bottom, 1 at the top.
    pub(super) fn place(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// The values to label, from the bottom up.
    pub(super) fn ticks(&self) -> &[f64] {
        &self.ticks
    }

    /// A value as its label: as many decimals as the steps have, thousands and millions short.
    pub(super) fn label(&self, value: f64) -> String {
        if value.abs() < self.step / 1e6 {
            return "0".to_owned();
        }
        let magnitude = self.low.abs().max(self.high.abs());
        let (divisor, unit) = match magnitude {
            _ if !(1e-4..1e13).contains(&magnitude) => return format!("{value:.1e}"),
            _ if magnitude >= 1e10 => (1e9, "G"),
            _ if magnitude >= 1e7 => (1e6, "M"),
            _ if magnitude >= 1e4 => (1e3, "k"),
            _ => (1.0, ""),
        };
        let is_whole = |decimals: &usize| {
            let shown = self.step / divisor * 10_f64.powi(i32::try_from(*decimals).unwrap_or(0));
            (shown - shown.round()).abs() < 1e-6
        };
        let decimals = (0..6).find(is_whole).unwrap_or(6);
        format!("{:.decimals$}{unit}", value / divisor)
    }
}

/// The least of 1, 2 and 5 times a power of ten that is at least `value`.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|round| *round >= value).unwrap_or(10.0 * power)
}

#[expect(clippy::cast_precision_loss, reason = "a handful of steps")]
fn multiple(count: usize, step: f64) -> f64 {
    count as f64 * step
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a handful of steps")]
fn whole(count: f64) -> usize {
    count.max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &ValueAxis) -> Vec<String> {
        axis.ticks().iter().map(|tick| axis.label(*tick)).collect()
    }

    #[test]
    fn counts_begin_at_zero_and_have_whole_round_steps() {
        assert_eq!(labels(&ValueAxis::of_counts(77, 5)), ["0", "20", "40", "60", "80"]);
        assert_eq!(labels(&ValueAxis::of_counts(77, 3)), ["0", "40", "80"]);
        assert_eq!(labels(&ValueAxis::of_counts(1, 5)), ["0", "1"]);
        assert_eq!(labels(&ValueAxis::of_counts(0, 5)), ["0", "1"]);
        assert_eq!(labels(&ValueAxis::of_counts(61_000, 3)), ["0", "40k", "80k"]);
    }

    #[test]
    fn values_are_labelled_where_they_are_round() {
        assert_eq!(labels(&ValueAxis::of_values(-22.0, 853.0, 5)), ["0", "200", "400", "600", "800"]);
        assert_eq!(labels(&ValueAxis::of_values(-44.0, 357.0, 2)), ["0", "200"]);
        assert_eq!(labels(&ValueAxis::of_values(0.1, 0.45, 4)), ["0.1", "0.2", "0.3", "0.4"]);
        assert_eq!(labels(&ValueAxis::of_values(7.0, 7.0, 3)), ["6", "7", "8"]);
        assert_eq!(labels(&ValueAxis::of_values(-0.003, 0.0, 2)), ["-0.002", "0"]);
    }

    #[test]
    fn every_axis_holds_its_values_and_has_a_label() {
        for (low, high) in [(0.0, 1e-9), (-5.0, -4.9), (1e12, 3e15), (3.0, 1e4), (1.1, 1.2), (-1e300, 1e300)] {
            for most in 1..12 {
                let axis = ValueAxis::of_values(low, high, most);
                assert!(axis.place(low) == 0.0 && axis.place(high) > 0.999, "{axis:?}");
                assert!(axis.ticks().len() <= most, "{axis:?}");
            }
        }
    }
}
