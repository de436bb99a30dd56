//! How long the store was closed between its openings, as far as the wall clock can be believed: a pure decision.
//!
//! While the store is open, time goes by a clock that cannot be set, and no wall clock has a say. How long it was closed
//! only the wall clock tells, which may be wrong on either side. So a session's clock is believed once the session is
//! older than the grace and the clock is called synchronised; between two such sessions the difference is all the time
//! that passed, and what other sessions in between claim need not be believed. Whatever is in doubt counts as no time,
//! which keeps events longer, never shorter.

/// Differences of clocks up to this say nothing: the clocks are not read at one moment, and a clock that is set right by
/// less is not worth a span. Times are taken as so much shorter for it. In nanoseconds.
pub(super) const TOLERANCE: i64 = 100_000_000;

/// A part of a session, from an opening or a step of the wall clock to the next of either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    /// The first commit time in it.
    pub(super) commit: i64,
    /// The time open at its beginning, in nanoseconds.
    pub(super) begin: i64,
    /// The time open when the wall clock was last called synchronised in it.
    pub(super) synchronised: Option<i64>,
    /// The wall clock less the time open.
    pub(super) offset: i128,
    /// Whether it begins with an opening of the store.
    pub(super) is_opening: bool,
}

/// A time that the store was closed, in nanoseconds, and the first commit time after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) commit: i64,
    pub(super) length: i64,
}

/// How long the store was closed before its openings but the first, oldest first, as clocks tell that have run for
/// `grace` nanoseconds. An opening of which none tells is not there, and counts as no time.
pub(super) fn gaps(stretches: &[Stretch], grace: i64) -> Vec<Gap> {
    let mut found = Vec::new();
    let (mut base, mut openings) = (None, Vec::new());
    let mut session_begin = 0;
    for (at, stretch) in stretches.iter().enumerate() {
        if stretch.is_opening || at == 0 {
            session_begin = stretch.begin;
            openings.extend((at > 0).then_some(at));
        }
        if stretch.synchronised.is_none_or(|synchronised| synchronised - session_begin < grace) {
            continue;
        }
        // A clock that is behind where another was says nothing; it may be set right later.
        if !openings.is_empty() && !resolve(stretches, base, at, &openings, &mut found) {
            continue;
        }
        base = Some(at);
        openings.clear();
    }
    found
}

/// Finds the times closed between the stretch `base`, or none that is believed, and `at`, whose clock is believed; tells
/// whether the clocks of both allow it.
fn resolve(stretches: &[Stretch], base: Option<usize>, at: usize, openings: &[usize], found: &mut Vec<Gap>) -> bool {
    let in_doubt = stretches[..at].iter().rposition(|stretch| stretch.synchronised.is_none());
    let (base, openings) = if let Some(base) = base {
        (base, openings)
    } else {
        // The clocks that called themselves right ever since, though none for long.
        let first = in_doubt.map_or(0, |at| at + 1);
        let openings = &openings[openings.partition_point(|&opening| opening <= first)..];
        let Some(&opening) = openings.first() else { return true };
        (opening - 1, openings)
    };
    let (Some(&first), Some(&last)) = (openings.first(), openings.last()) else { return true };
    let Some(whole) = whole(stretches, base, last, at) else { return false };
    let claims = openings.iter().map(|&opening| stretches[opening].offset - stretches[opening - 1].offset);
    let tolerance = i128::from(TOLERANCE) * (2 + i128::try_from(openings.len()).unwrap_or(i128::MAX - 2));
    let agree = in_doubt.is_none_or(|in_doubt| in_doubt <= base)
        && claims.clone().all(|claim| claim >= 0)
        && (claims.clone().sum::<i128>() - whole).abs() <= tolerance;
    if agree {
        let claimed = openings.iter().zip(claims);
        found.extend(claimed.map(|(&opening, claim)| gap(stretches, opening, claim)));
    } else {
        // Which of them was how long nobody knows: what was committed in between counts as committed after all of it.
        found.push(gap(stretches, first, whole));
    }
    true
}

/// How long the store was closed between the sessions of two stretches, by the least that any two of their clocks tell that
/// were called synchronised: so one that was set wrong while the store was open is believed in neither. `last` is the
/// opening of the later session. None if each was set back meanwhile.
fn whole(stretches: &[Stretch], base: usize, last: usize, at: usize) -> Option<i128> {
    let session = stretches[..=base].iter().rposition(|stretch| stretch.is_opening).unwrap_or(0);
    let called_right = |of: &&Stretch| of.synchronised.is_some();
    let after = || stretches[last..=at].iter().filter(called_right);
    let before = stretches[session..=base].iter().filter(called_right);
    let differences = before.flat_map(|before| after().map(|after| after.offset - before.offset));
    differences.filter(|difference| *difference >= -i128::from(TOLERANCE)).min()
}

fn gap(stretches: &[Stretch], opening: usize, length: i128) -> Gap {
    let length = i64::try_from(length).unwrap_or(i64::MAX).saturating_sub(2 * TOLERANCE).max(0);
    Gap { commit: stretches[opening].commit, length }
}
