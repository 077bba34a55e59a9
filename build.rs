//! The binary carries the site, so it is built anew when the site is.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_SSR").is_some() {
        println!("cargo::rerun-if-changed=target/site");
    }
}
