//! Whether journal and manifest tell the same story of how the store was last used.
//!
//! Closing writes a mark into the journal that names the manifest's next edit, and then that edit, which names the
//! journal's end. Opening begins a journal file and names it in the manifest before it holds a frame. So of the two
//! an older copy of either is found, unless both are of the same moment.

use crate::damage::{Damage, DamageCase};
use crate::framed::Position;
use crate::journal::{Mark, Recovered};
use crate::layout;
use crate::manifest::{ManifestState, RecoveredManifest};

/// What the manifest says that the journal must hold.
pub(super) fn must_hold(state: &ManifestState) -> Vec<Position> {
    let snapshot = state.snapshot().map(|place| place.position);
    [state.closed(), state.journal_reached(), snapshot].into_iter().flatten().collect()
}

/// Compares what was recovered of both.
pub(super) fn check(manifest: &RecoveredManifest, journal: &Recovered) -> Result<(), Damage> {
    let state = &manifest.state;
    let newest_edit = state.next_edit() - 1;
    let older_manifest = |expected: String, found: &str| {
        let path = layout::manifest_file(manifest.end.file);
        Damage::of_case(DamageCase::OlderCopy, path, manifest.end.offset, expected, found)
    };
    if let Some(closed) = state.closed() {
        // That the journal reaches the place was checked while it was read; nothing may come after it.
        if is_closed_end(state, journal) {
            return Ok(());
        }
        let expected = format!("edits after the close of the store at {closed}, beyond which the journal goes");
        return Err(older_manifest(expected, "none: the manifest is an older copy"));
    }
    let Some(Mark::Close { edit }) = journal.last_mark else { return Ok(()) };
    let Some(marked) = journal.last_frame else { return Ok(()) };
    if edit > state.next_edit() {
        let expected = format!("edit {edit}, which the mark at the journal's end names");
        return Err(older_manifest(expected, &format!("edits up to {newest_edit}: the manifest is an older copy")));
    }
    // After the close the store was opened again, which begins a file: a journal that ends with the mark's is older.
    if edit < state.next_edit() && state.journal_started().is_none_or(|started| started <= marked.file) {
        let path = layout::journal_file(marked.file);
        let expected = format!("frames after the mark that names edit {edit}, since edit {newest_edit} came after it");
        return Err(Damage::of_case(DamageCase::OlderCopy, path, marked.offset, expected, "none"));
    }
    Ok(())
}

/// Whether the newest frame that was read is the mark of the store's close, so that nothing can have come after it.
pub(super) fn is_closed_end(state: &ManifestState, journal: &Recovered) -> bool {
    let mark = Mark::Close { edit: state.next_edit() - 1 };
    let is_at_end = state.closed().is_some() && journal.last_frame == state.closed() && journal.torn.is_none();
    is_at_end && journal.last_mark == Some(mark)
}
