//! What all benches share.

/// The program under test.
pub mod product;

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Of an even number the mean of the middle two; not a number of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    (middle(values.len().saturating_sub(1) / 2) + middle(values.len() / 2)) / 2.0
}

/// The results are what a bench is for.
#[expect(clippy::print_stdout, reason = "a table to keep")]
pub fn say(line: &str) {
    println!("{line}");
}
