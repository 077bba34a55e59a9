use indicatif::{ProgressBar, ProgressStyle};

/// How far long work is, where standard error is a terminal; elsewhere nothing is drawn.
pub fn bar(doing: &'static str, total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {human_pos} of {human_len} [{bar:32}] {eta} left");
    ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")).with_message(doing)
}
