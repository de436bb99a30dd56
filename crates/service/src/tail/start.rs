//! Where a tail starts.

use annals_engine::Engine;
use annals_model::{Fault, Moment, Reason, ScopeDigest, Sequence, Shard, Table};

use super::request::TailStart;
use crate::{Service, faults, scope};

/// A start that was found.
#[derive(Debug)]
pub(super) struct Start {
    /// All up to here is behind the reader.
    pub(super) position: Moment,
    /// Whether that is what is oldest, rather than what was asked for by number.
    pub(super) is_earliest: bool,
}

/// Finds the start among the shards that are followed; the others stand at the head.
///
/// # Errors
/// When a token or a position is not of this table or scope, or retention has removed it.
pub(super) async fn find<E: Engine>(
    service: &Service<E>,
    table: &Table,
    shards: &[Shard],
    start: TailStart,
    head: &Moment,
    scope: ScopeDigest,
    allow_scope_change: bool,
) -> Result<Start, Fault> {
    let at = |position| Ok(Start { position, is_earliest: false });
    match start {
        TailStart::Earliest => Ok(Start { position: earliest(service, table)?, is_earliest: true }),
        TailStart::Latest => at(head.clone()),
        TailStart::Token(token) => {
            let token = scope::resume_token("resume_token", &token, table, head)?;
            if !token.scope.fits(scope) && !allow_scope_change {
                let description = "the token was made for other keys, shards or slices; allow_scope_change takes it \
                                   all the same";
                return Err(Fault::of_field(Reason::ScopeChanged, "resume_token", description));
            }
            at(token.moment)
        }
        TailStart::Sequences(sequences) => {
            let mut position = earliest(service, table)?;
            set_positions(&mut position, table, &sequences, head)?;
            at(position)
        }
        TailStart::CommitTime(time) => {
            let mut position = head.clone();
            for &shard in shards {
                let found = service.engine.find_commit_time(table.id, shard, time).await;
                let found = found.map_err(|error| faults::of_read(&error, &table.definition.name))?;
                position.set(shard, found.previous());
            }
            at(position)
        }
    }
}

/// Before the oldest event that each shard holds: behind what retention has removed. Reads nothing from the disk.
fn earliest<E: Engine>(service: &Service<E>, table: &Table) -> Result<Moment, Fault> {
    service.engine.floor(table.id).map_err(|error| faults::of_read(&error, &table.definition.name))
}

fn set_positions(position: &mut Moment, table: &Table, sequences: &[(u32, u64)], head: &Moment) -> Result<(), Fault> {
    let name = &table.definition.name;
    for (index, &(number, next)) in sequences.iter().enumerate() {
        let field = |part: &str| format!("shard_positions.positions[{index}].{part}");
        let (shard, next) = (Shard::new(number), Sequence::new(next));
        if !table.definition.shard_count.contains(shard) {
            let count = table.definition.shard_count.get();
            let description = format!("{name} has {count} shards; {shard} is not one of them");
            return Err(Fault::of_field(Reason::UnknownShard, field("shard"), description));
        }
        if sequences[..index].iter().any(|(earlier, _)| *earlier == number) {
            return Err(faults::invalid(&field("shard"), format!("shard {shard} is given twice")));
        }
        if next == Sequence::ZERO {
            return Err(faults::invalid(&field("next_sequence"), "sequences start at 1"));
        }
        if next.previous() > head.of(shard) {
            let description =
                format!("shard {shard} of {name} stands at {}; its next sequence is one more", head.of(shard));
            return Err(Fault::of_field(Reason::TokenAhead, field("next_sequence"), description));
        }
        position.set(shard, next.previous());
    }
    Ok(())
}
