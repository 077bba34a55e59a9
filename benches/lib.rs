//! What all benches share.

/// The program under test.
pub mod product;

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The results are what a bench is for.
#[expect(clippy::print_stdout, reason = "a table to keep")]
pub fn say(line: &str) {
    println!("{line}");
}
