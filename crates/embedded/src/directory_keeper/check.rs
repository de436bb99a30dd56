//! Whether a directory that was found tells of this store as it is.

use annals_model::{Shard, TableId};
use annals_storage::directory::{Covered, Directory};

use crate::shard_state::ShardView;
use crate::store::Store;
use crate::sync::HashMap;

/// What a directory covers of the store's shards.
///
/// # Errors
/// In what way it does not belong to the store as it is: it has come further, or was made over other events.
pub(super) fn covered(
    directory: &Directory,
    store: &Store,
    newest_edit: u64,
) -> Result<HashMap<(TableId, Shard), Covered>, String> {
    let mut all = HashMap::default();
    for table in store.catalog().tables() {
        for shard in table.shards() {
            let covered = directory.covered(table.id(), shard.shard()).map_err(|error| error.to_string())?;
            let Some(covered) = covered else { continue };
            if !agrees(&covered, &shard.view(), newest_edit) {
                let (name, shard) = (&table.table().definition.name, shard.shard());
                return Err(format!("the directory does not agree with the manifest on shard {shard} of {name}"));
            }
            all.insert((table.id(), shard.shard()), covered);
        }
    }
    Ok(all)
}

fn agrees(covered: &Covered, view: &ShardView, newest_edit: u64) -> bool {
    let newest = view.runs.last().unwrap_or(view.first_retained.previous());
    let ends_a_run = |last| view.runs.iter().all(|run| last < run.summary().first || run.summary().last <= last);
    let same_commit = |covered: &Covered| {
        let ending = view.runs.iter().find(|run| run.summary().last == covered.last);
        ending.is_none_or(|run| run.summary().last_commit == covered.last_commit)
    };
    covered.edit <= newest_edit
        && covered.target <= newest
        && covered.first <= view.first_retained
        && ends_a_run(covered.last)
        && ends_a_run(covered.target)
        && same_commit(covered)
}
