//! What was measured so far, and what could not be.

use crate::figure::Figure;
use crate::peer::Peer;
use crate::work::Work;

/// All that a run found out.
#[derive(Debug)]
pub(crate) struct Results {
    pub(crate) works: Vec<Work>,
    pub(crate) peers: Vec<Row>,
    pub(crate) missing: Vec<Missing>,
}

/// A peer that could not be measured, or not to the end.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) reason: String,
}

/// What one peer came to.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) peer: &'static Peer,
    pub(crate) version: String,
    /// One for each of the works.
    pub(crate) cells: Vec<Cell>,
}

/// What one peer came to in one work.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    /// One for each round in which it did not fail.
    pub(crate) figures: Vec<Figure>,
    /// What went wrong, each in a round.
    pub(crate) failures: Vec<String>,
}

impl Results {
    pub(crate) fn new(works: Vec<Work>) -> Self {
        Self { works, peers: Vec::new(), missing: Vec::new() }
    }

    pub(crate) fn add_peer(&mut self, peer: &'static Peer, version: String) {
        self.peers.push(Row { peer, version, cells: vec![Cell::default(); self.works.len()] });
    }

    /// Notes that a peer could not be measured.
    pub(crate) fn miss(&mut self, peer: &Peer, reason: String) {
        eprintln!("{}: {reason}", peer.name);
        self.missing.push(Missing { name: peer.name, title: peer.title, reason });
    }

    /// Whether it was noted that a peer could not be measured.
    pub(crate) fn misses(&self, peer: &Peer) -> bool {
        self.missing.iter().any(|missing| missing.name == peer.name)
    }

    /// The cell of a peer that was added and a work that is done.
    pub(crate) fn cell(&mut self, peer: &Peer, work: Work) -> &mut Cell {
        let column = self.works.iter().position(|other| *other == work).expect("only chosen works are done");
        let row = self.peers.iter_mut().find(|row| row.peer.name == peer.name).expect("only installed peers are run");
        &mut row.cells[column]
    }
}

impl Cell {
    /// The median of the rounds, the lower one of two; none without any.
    pub(crate) fn median(&self, work: Work) -> Option<f64> {
        let mut values: Vec<f64> = self.figures.iter().map(|figure| figure.value(work)).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len().saturating_sub(1) / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::figure::Latency;

    #[test]
    fn the_median_is_that_of_the_rounds_which_did_not_fail() {
        let of = |counts: &[u64]| Cell {
            figures: counts.iter().map(|&count| Figure::new(count, Duration::from_secs(1), Latency::None)).collect(),
            failures: vec!["it broke".to_owned()],
        };
        assert_eq!(of(&[7, 100, 8]).median(Work::Scan), Some(8.0));
        assert_eq!(of(&[9, 5]).median(Work::Scan), Some(5.0));
        assert_eq!(of(&[]).median(Work::Scan), None);
    }
}
