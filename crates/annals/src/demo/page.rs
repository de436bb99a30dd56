//! What the demo writes: headings, sentences, the commands that show the same, and lines of data.

use std::io::{self, Write};

use crate::plot::drawing_width;
use crate::terminal::Stream;

/// The demo's output.
pub(super) struct Page {
    out: io::Stdout,
    stream: Stream,
    program: String,
}

const BOLD: &str = "1";
const DIM: &str = "2";
const CYAN: &str = "36";

impl Page {
    pub(super) fn new() -> Self {
        let program = std::env::args().next().unwrap_or_else(|| "annals".to_owned());
        Self { out: io::stdout(), stream: Stream::of_stdout(), program }
    }

    /// Columns that there are for drawings.
    pub(super) fn width(&self) -> usize {
        drawing_width(self.stream)
    }

    /// Whether drawings may have colours.
    pub(super) fn has_colors(&self) -> bool {
        self.stream.has_colors()
    }

    pub(super) fn title(&mut self, text: &str) -> anyhow::Result<()> {
        self.line(&self.painted(BOLD, text))
    }

    /// A part's heading.
    pub(super) fn heading(&mut self, text: &str) -> anyhow::Result<()> {
        self.line("")?;
        self.line(&self.painted(BOLD, text))
    }

    /// The command that shows the same.
    pub(super) fn command(&mut self, arguments: &str) -> anyhow::Result<()> {
        for (index, part) in wrapped(arguments, self.width()).into_iter().enumerate() {
            let start = if index == 0 { "$ annals " } else { "    " };
            self.line(&self.painted(CYAN, &format!("{start}{part}")))?;
        }
        Ok(())
    }

    /// A sentence.
    pub(super) fn text(&mut self, text: &str) -> anyhow::Result<()> {
        self.line(text)
    }

    /// A remark beside the data.
    pub(super) fn remark(&mut self, text: &str) -> anyhow::Result<()> {
        self.line(&self.painted(DIM, text))
    }

    /// A line of data.
    pub(super) fn line(&mut self, text: &str) -> anyhow::Result<()> {
        writeln!(self.out, "{text}")?;
        // The live part is watched while it comes.
        Ok(self.out.flush()?)
    }

    /// How to go on.
    pub(super) fn farewell(&mut self, folder: &str) -> anyhow::Result<()> {
        let program = self.program.clone();
        self.heading("Go on from here")?;
        self.text(&format!("The store stays in {folder}; remove the folder and nothing is left. Serve it with"))?;
        self.line(&self.painted(CYAN, &format!("  {program} serve --data {folder}")))?;
        self.text("and look around from another terminal:")?;
        for arguments in [
            "scan flights.nyc --key N351JB --from 2013-02-08 --to 2013-02-09",
            "tail flights.nyc --start earliest --stop-at-head",
            "plot flights.nyc --column delay --by carrier",
            "partitions flights.nyc N35",
        ] {
            self.line(&self.painted(CYAN, &format!("  {program} {arguments}")))?;
        }
        self.text("Any gRPC client will do, with no file at hand: the server describes itself.")?;
        self.line(&self.painted(CYAN, BUF_CURL))
    }

    pub(super) fn painted(&self, code: &str, text: &str) -> String {
        if self.has_colors() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// A command in as many lines as it takes, broken before options as a shell reads it.
fn wrapped(command: &str, width: usize) -> Vec<String> {
    const MARGIN: usize = 12;
    let mut lines = vec![String::new()];
    for part in command.split(" --") {
        let line = lines.last_mut().expect("there is always one");
        if line.is_empty() {
            line.push_str(part);
        } else if line.len() + part.len() + MARGIN > width {
            line.push_str(" \\");
            lines.push(format!("--{part}"));
        } else {
            line.push_str(" --");
            line.push_str(part);
        }
    }
    lines
}

/// Scans three events of N351JB (in base64, as JSON has bytes) by reflection.
const BUF_CURL: &str = r#"  buf curl --http2-prior-knowledge --protocol grpc \
    -d '{"table": "flights.nyc", "partitionKeys": ["TjM1MUpC"], "limit": 3}' \
    http://127.0.0.1:7440/annals.v1.EventService/Scan"#;
