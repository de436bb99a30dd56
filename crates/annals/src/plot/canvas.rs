//! Drawing in characters: columns of eighths of a block, and lines of braille dots.

/// From empty to full.
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Dots of a braille character, by row from the top and by column.
const BRAILLE_DOTS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// Draws `heights` (0 to 1) as bars of `bar_width` columns, `rows` high; rows from the top.
///
/// A bar that is not zero shows at least an eighth, so that one event in an hour is not taken for none.
pub(super) fn bars(heights: &[f64], bar_width: usize, rows: usize) -> Vec<String> {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1")]
    let eighths = |height: f64| -> usize {
        let rounded = (height * (rows * 8) as f64).round() as usize;
        if height > 0.0 { rounded.max(1) } else { 0 }
    };
    let heights: Vec<usize> = heights.iter().map(|height| eighths(*height)).collect();
    let row = |from_bottom: usize| {
        let cell = |height: &usize| EIGHTHS[height.saturating_sub(from_bottom * 8).min(8)];
        heights.iter().flat_map(|height| std::iter::repeat_n(cell(height), bar_width)).collect()
    };
    (0..rows).rev().map(row).collect()
}

/// A canvas of dots, two to a character across and four down.
pub(super) struct Braille {
    columns: usize,
    rows: usize,
    cells: Vec<u8>,
}

impl Braille {
    pub(super) fn new(columns: usize, rows: usize) -> Self {
        Self { columns, rows, cells: vec![0; columns * rows] }
    }

    /// Dots across.
    pub(super) fn width(&self) -> usize {
        self.columns * 2
    }

    /// Dots down.
    pub(super) fn height(&self) -> usize {
        self.rows * 4
    }

    /// Sets a dot; `y` counts from the bottom. Dots outside are left out.
    pub(super) fn dot(&mut self, x: usize, y: usize) {
        if x < self.width() && y < self.height() {
            let from_top = self.height() - 1 - y;
            self.cells[from_top / 4 * self.columns + x / 2] |= BRAILLE_DOTS[from_top % 4][x % 2];
        }
    }

    /// Draws a line between two dots, both included.
    pub(super) fn line(&mut self, from: (usize, usize), to: (usize, usize)) {
        let steps = from.0.abs_diff(to.0).max(from.1.abs_diff(to.1));
        let between = |start: usize, end: usize, step: usize| {
            // Rounded to the nearest dot; a line of one dot has no steps.
            let covered = (start.abs_diff(end) * step * 2 + steps) / (2 * steps.max(1));
            if end >= start { start + covered } else { start - covered }
        };
        for step in 0..=steps {
            self.dot(between(from.0, to.0, step), between(from.1, to.1, step));
        }
    }

    /// The characters, rows from the top.
    pub(super) fn rows(&self) -> Vec<String> {
        let character = |dots: &u8| match dots {
            0 => ' ',
            _ => char::from_u32(0x2800 + u32::from(*dots)).unwrap_or(' '),
        };
        self.cells.chunks(self.columns.max(1)).map(|row| row.iter().map(character).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_fill_in_eighths_and_the_smallest_is_seen() {
        assert_eq!(bars(&[0.0, 0.001, 0.5, 0.75, 1.0], 1, 2), ["   ▄█", " ▁███"]);
        assert_eq!(bars(&[1.0, 0.25], 2, 1), ["██▂▂"]);
    }

    #[test]
    fn lines_join_their_ends_in_every_direction() {
        for (from, to) in [((0, 0), (3, 3)), ((3, 3), (0, 0)), ((0, 3), (3, 0)), ((1, 1), (1, 1))] {
            let mut canvas = Braille::new(2, 1);
            canvas.line(from, to);
            let mut ends = Braille::new(2, 1);
            ends.dot(from.0, from.1);
            ends.dot(to.0, to.1);
            assert!(canvas.cells.iter().zip(&ends.cells).all(|(all, end)| all & end == *end));
        }
        let mut rising = Braille::new(2, 1);
        rising.line((0, 0), (3, 3));
        assert_eq!(rising.rows(), ["⡠⠊"]);
    }

    #[test]
    fn dots_outside_are_left_out() {
        let mut canvas = Braille::new(1, 1);
        canvas.dot(2, 0);
        canvas.dot(0, 4);
        assert_eq!(canvas.rows(), [" "]);
    }
}
