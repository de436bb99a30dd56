//! The promises of the `Engine` contract, each a function that any engine can be run through.
//!
//! A function takes a [`Trial`] on an empty store and panics where the engine breaks the promise.
//! Each compares the engine as it is, after it has settled, and after it was opened again.
//! [`conformance_tests!`](crate::conformance_tests) makes a test of each, [`run_all`] runs one after another.

pub mod appends;
pub mod arrivals;
pub mod columns;
pub mod heads;
pub mod partitions;
pub mod tables;
pub mod trims;

use crate::subject::Subject;
use crate::trial::Trial;

/// Names every promise once, for the macro and for [`run_all`].
#[macro_export]
macro_rules! each_promise {
    ($($for_each:tt)::+ !($($arguments:tt)*)) => {
        $($for_each)::+ ! { ($($arguments)*)
            appends::sequences_are_dense_from_one
            appends::a_batch_takes_consecutive_sequences_in_its_own_order
            appends::concurrent_batches_are_committed_whole
            appends::commit_times_never_go_back
            appends::events_come_back_bit_for_bit
            appends::an_append_to_several_shards_goes_to_each
            appends::a_refused_append_leaves_nothing
            appends::an_append_that_nobody_waits_for_leaves_no_gap
            appends::what_was_acknowledged_survives_a_crash
            columns::a_first_cell_sets_its_columns_type_for_good
            columns::racing_first_cells_agree_on_one_type
            columns::a_refused_append_teaches_no_column
            columns::a_strict_table_takes_declared_columns_only
            columns::a_table_has_at_most_ten_thousand_columns
            heads::an_event_at_a_head_can_be_read_at_once
            heads::a_watch_wakes_for_its_scope_only
            heads::a_watch_ends_with_its_table
            arrivals::pages_of_any_bounds_bring_the_same
            arrivals::scopes_leave_out_what_they_do_not_want
            arrivals::a_read_goes_on_where_any_page_ended
            arrivals::a_shard_that_is_not_there_is_an_error
            arrivals::a_commit_time_finds_its_first_event
            partitions::late_events_are_in_their_place
            partitions::events_of_one_time_keep_their_arrival_order
            partitions::the_ends_of_time_can_be_scanned
            partitions::keys_of_one_token_are_partitions_of_their_own
            partitions::limits_hold_for_each_partition
            partitions::keys_come_in_the_order_asked_for
            partitions::a_moment_leaves_out_what_came_later
            partitions::a_moment_that_lies_ahead_is_refused
            partitions::slices_share_out_every_event_once
            partitions::a_key_may_lie_in_several_explicit_shards
            partitions::random_scans_and_counts_agree_with_the_oracle
            partitions::an_estimate_is_of_the_right_size
            tables::a_name_is_taken_once
            tables::tables_are_listed_by_name_and_survive
            tables::a_change_needs_the_revision_it_was_decided_on
            tables::a_protected_table_is_not_dropped
            tables::a_dropped_table_is_gone_and_its_name_free
            tables::partitions_are_listed_by_key
            tables::tables_do_not_see_each_other
            trims::a_plan_removes_nothing
            trims::the_oldest_events_go_in_whole_runs_and_readers_are_told
            trims::a_bound_of_bytes_keeps_at_least_so_many_and_so_the_newest_run
            trims::sequences_go_on_after_a_trim
            trims::a_scan_that_began_before_a_trim_expires
        }
    };
}

/// Makes a test of every promise: `conformance_tests!(|| subject)`, with an expression that makes a subject on an empty
/// store. The crate that calls it needs tokio.
#[macro_export]
macro_rules! conformance_tests {
    ($make:expr) => {
        $crate::each_promise! { $crate::conformance_test !($make) }
    };
}

/// One test for each promise. Not to be used but by [`conformance_tests!`](crate::conformance_tests).
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_test {
    (($make:expr) $($group:ident::$promise:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                let subject = ($make)();
                $crate::conformance::$group::$promise($crate::trial::Trial::start(subject).await).await;
            }
        )*
    };
}

macro_rules! run_each {
    (($make:ident) $($group:ident::$promise:ident)*) => {
        $( $group::$promise(Trial::start($make()).await).await; )*
    };
}

/// Runs every promise, one after another, each on a store of its own.
///
/// # Panics
/// At the first promise that is broken.
pub async fn run_all<S: Subject>(make: impl Fn() -> S) {
    each_promise! { run_each !(make) }
}
