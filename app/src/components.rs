/// The frame of every page: navigation beside or above the content.
mod layout;
pub use layout::Layout;

/// Shortcuts, and the list of all commands.
mod keyboard;
pub use keyboard::Keyboard;

/// Status, kind and other small marks.
mod badges;
pub use badges::{Fact, StatusBadge};

/// What a page shows in place of data.
mod notices;
pub use notices::{EmptyState, ErrorPanel, NothingMatches};

/// What a new user sees.
mod first_trace;
pub use first_trace::FirstTrace;

/// What waits for the server.
mod loaded;
pub use loaded::Loaded;

/// The filters above a list, a form that works without script.
mod filter_form;
pub use filter_form::{FilterForm, query_of};

/// The search box, which offers what can be asked.
mod search_box;
pub use search_box::SearchBox;

/// Values to narrow a list down to, beside it.
mod facet_list;
pub use facet_list::{FacetList, FacetsToCome};

/// What a selection has in common.
mod standouts;
pub use standouts::Standouts;

/// Numbers of models and tools.
mod by_name;
pub use by_name::ByName;

/// Lists with a name.
mod saved_views;
pub use saved_views::{SavedViews, ViewsToCome};

/// How far a search came.
mod coverage;
pub use coverage::CoverageNote;

/// Rows of traces.
mod trace_table;
pub use trace_table::{TraceTable, steps_href, trace_href};

/// Columns and selected rows.
mod list_tools;
pub use list_tools::{ListTools, Wanted};

/// Rows of anything else.
mod plain_table;
pub use plain_table::{Heading, PlainTable};

/// Kinds of failures.
mod failure_groups;
pub use failure_groups::FailureKinds;

/// Previous and next page.
mod pager;
pub use pager::Pager;

/// What models said, as Markdown.
mod markdown;
pub use markdown::Markdown;

/// A trace as a conversation.
mod talk;
pub use talk::Talk;

/// Walking through the steps of a trace.
mod replay;
pub use replay::Replay;

/// The whole document of a trace, read where one looks.
mod json_explorer;
pub use json_explorer::JsonExplorer;

/// The steps of a trace, some or all of them.
mod steps;
pub use steps::Steps;

/// The time that the bars of steps stand on.
mod time_axis;

/// Steps on the time axis of their trace.
mod waterfall;
pub use waterfall::{StepBody, Waterfall};

/// The same for as many as there may be.
mod long_waterfall;
pub use long_waterfall::LongWaterfall;

/// What the steps of a trace tell.
mod why;
pub use why::WhyPanel;

/// All that there is to see of a trace.
mod trace_sheet;
pub use trace_sheet::{TraceSheet, heading};

/// A trace for others: as a link, a command, JSON, Markdown, a file.
mod share;
pub use share::Share;

/// Conversations of models, with their roles.
mod conversation;
pub use conversation::StepSide;

/// How a trace of OpenTelemetry came to its fields.
mod mapping;
pub use mapping::Mapping;

/// Issues of a document, most severe first.
mod issue_list;
pub use issue_list::IssueList;

/// Buttons that delete, and how far that is.
mod removal;
pub use removal::{Begun, Delete, DeletePanel, Jobs};

/// How long traces are kept.
mod retention;
pub use retention::RetentionRules;

/// What is masked before it is stored.
mod masking;
pub use masking::MaskingRules;

/// Limits, and who did what.
mod limits;
pub use limits::{AuditTable, LimitTable};

/// JSON and long text, with a button that copies it.
mod text_block;
pub use text_block::{JsonBlock, TextBlock, Verbatim};
