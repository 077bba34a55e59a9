//! What every home of traces promises, checked on each: one SQLite file, and a MongoDB at `MONGO_TEST_URL`.
//!
//! `tools/mongo.sh cargo test -p tracellm-store` starts one.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

/// Stores to test, each empty, and documents to put there.
mod bench;

/// Storing: outcomes, replacement, durability, writers at once.
mod put;

/// Spans of OpenTelemetry.
mod spans;

/// Reading: filters, order, pages, totals.
mod list;

/// Searching: words in texts, in the index or not yet.
mod search;

/// Numbers over all that match, against the same computed plainly.
mod numbers;

/// Sums that are kept, through changes of what they count.
mod rollups;

/// Sums of a MongoDB, where others write as well and processes are killed.
mod sums;

/// The words of a MongoDB, in the forms that its search index has.
mod words;

/// What comes to a MongoDB later than whoever sent it lived.
mod late;

/// Failures by what went wrong, and the settings in which is kept what was decided.
mod groups;

/// Removing: by hand, by jobs, by age.
mod removal;

/// Projects and keys.
mod access;

/// Users: what each may see and do, and their sessions.
mod tenancy;

/// Who did what, as it was noted.
mod audit;

/// Tags that somebody gives.
mod tagging;

/// What is masked, and what is dropped, before it is stored.
mod masking;

/// News of what is stored.
mod watch;

/// What may be wrong with a store.
mod doctor;

/// From one store to another.
mod moving;

/// What only MongoDB meets: documents of other writers, indexes of others, a server that is gone.
mod mongo;

/// The checks above on every store: `checks! { name: module::check, … }`.
macro_rules! checks {
    ($($name:ident: $module:ident),+ $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { crate::$module::$name(&crate::bench::Bench::embedded().await).await; })+
        }
        mod mongodb {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { crate::$module::$name(&crate::bench::Bench::mongo().await).await; })+
        }
    };
}

checks! {
    a_document_comes_back_as_it_was: put,
    the_same_again_is_a_duplicate: put,
    other_content_replaces_the_document: put,
    a_key_may_stand_in_a_batch_more_than_once: put,
    projects_are_apart: put,
    writers_at_once_lose_nothing: put,
    what_was_stored_is_there_when_opened_again: put,
    the_database_says_what_it_is: put,
    spans_make_a_trace_that_grows: spans,
    spans_of_a_trace_that_stands_are_new: spans,
    senders_at_once_make_the_same_trace: spans,
    a_very_large_trace_is_kept_whole: spans,
    every_filter_finds_what_it_should: list,
    pages_lead_through_everything_once_and_back: list,
    documents_that_come_while_paging_harm_nothing: list,
    totals_stop_at_the_cap: list,
    projects_are_those_that_traces_name: list,
    a_search_finds_what_is_stored_and_what_has_changed: search,
    a_row_shows_what_was_found: search,
    analytics_are_those_of_a_plain_computation: numbers,
    analytics_of_nothing_are_zero: numbers,
    failures_are_the_newest_of_each_kind_and_all_are_counted: numbers,
    the_first_and_the_last_moment_count: rollups,
    sums_follow_whatever_is_stored_and_changed: rollups,
    values_that_are_never_the_same_are_counted: rollups,
    what_is_decided_at_once_is_all_kept: groups,
    long_reasons_are_told_apart_by_what_they_have_in_common: groups,
    settings_are_found_by_how_their_names_begin: groups,
    what_is_removed_is_gone_and_may_come_again: removal,
    a_job_removes_what_matches_and_says_how_far_it_is: removal,
    what_is_too_old_goes_by_class_and_project: removal,
    the_texts_of_spans_go_with_those_of_their_trace: removal,
    a_project_is_made_once_with_its_first_key: access,
    a_key_opens_its_scope_until_its_end: access,
    a_secret_is_stored_nowhere: access,
    who_has_one_project_learns_nothing_of_another: tenancy,
    roles_are_kept_apart: tenancy,
    a_session_lasts_until_it_is_ended: tenancy,
    tags_are_given_and_taken_away: tagging,
    what_is_noted_stands_in_a_chain: audit,
    a_log_that_was_changed_is_found: audit,
    what_is_masked_is_stored_nowhere: masking,
    who_has_brought_enough_loses_texts_alone: masking,
    what_any_process_stores_is_news: watch,
    more_than_is_kept_leaves_a_gap_that_is_told: watch,
    who_watches_is_told_the_end: watch,
    a_copy_is_equal_and_goes_on_where_it_stopped: moving,
    a_new_store_is_healthy: doctor,
    lists_are_read_along_indexes: doctor,
    a_sender_whose_clock_is_ahead_is_noticed: doctor,
}
