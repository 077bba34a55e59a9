//! Rules that the compiler does not keep: who may import whom, and what no file may hold.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder whose name ends so, with its text.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !["node_modules", "target", "test-results"].contains(&name) && !name.ends_with(".local") {
                folders.push(path);
            } else if name.ends_with(ending) {
                let told = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push((told, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "no `{ending}` below {folder}");
    found.sort();
    found
}

/// None of these words stands in the code of a folder, but for files whose name starts so.
#[track_caller]
fn absent(folder: &str, words: &[&str], allowed_in: &[&str]) {
    for (name, text) in files(folder, ".rs") {
        if allowed_in.iter().any(|allowed| name.starts_with(allowed)) {
            continue;
        }
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for word in words {
                assert!(!line.contains(word), "{name}:{number}: `{word}` has no place here: {line}");
            }
        }
    }
}

#[test]
fn the_trace_crate_is_pure() {
    absent("crates/trace/src", &["std::fs", "std::net", "std::env", "std::thread", "SystemTime", "Utc::now", "new_v4", "println!"], &[]);
}

#[test]
fn databases_stay_in_their_own_rooms() {
    absent("crates/store/src", &["mongodb::", "bson"], &["crates/store/src/mongo"]);
    absent("crates/store/src", &["rusqlite"], &["crates/store/src/embedded"]);
    for folder in ["app/src", "src", "crates/trace/src"] {
        absent(folder, &["mongodb::", "rusqlite", "bson"], &[]);
    }
}

#[test]
fn nobody_asks_which_store_it_is() {
    absent("src", &["EmbeddedStore", "MongoStore"], &[]);
    absent("app/src", &["EmbeddedStore", "MongoStore"], &[]);
    absent("crates/store/src", &["mongo::", "MongoStore"], &["crates/store/src/mongo", "crates/store/src/open.rs"]);
}

#[test]
fn pages_reach_the_store_by_server_functions_alone() {
    absent("app/src", &["tracellm_store"], &["app/src/functions", "app/src/error.rs"]);
}

#[test]
fn errors_become_http_in_one_place() {
    absent("src", &["StatusCode::from_u16", "INTERNAL_SERVER_ERROR"], &["src/server/answer.rs"]);
}

/// The content security policy allows none, and a page that needs one looks right only where it is not kept.
#[test]
fn views_hold_no_style_and_no_raw_html() {
    absent("app/src", &[" style=", "inner_html", "set_inner_html"], &[]);
    // A file that stands alone brings its style along.
    absent("app/src", &["<style"], &["app/src/standalone.rs"]);
    // A parameter of plotters' drawing functions has that name.
    absent("app/src", &[" style:"], &["app/src/charts/canvas.rs"]);
}

#[test]
fn first_renders_are_the_same_on_both_sides() {
    absent("app/src", &["HashMap", "HashSet", "target_arch", "Local::now", "Utc::now", "js_sys::Date"], &["app/src/dom.rs"]);
}

#[test]
fn nothing_is_left_for_later() {
    let marks = ["TO", "DO"].concat();
    let more = ["FIX", "ME"].concat();
    for folder in ["app", "crates", "src", "tests"] {
        absent(folder, &[&marks, &more, &["unimple", "mented!"].concat()], &[]);
    }
}

#[test]
fn files_stay_readable() {
    for folder in ["app/src", "crates", "src", "tests"] {
        for (name, text) in files(folder, ".rs") {
            let lines = text.lines().count();
            assert!(lines <= 400, "{name} has {lines} lines: perhaps it is two rooms");
        }
    }
}

/// A newcomer reads the parent file as a table of contents: each room in it has a line that says what it is.
#[test]
fn every_module_is_introduced() {
    for folder in ["app/src", "crates/store/src", "crates/trace/src", "src"] {
        for (name, text) in files(folder, ".rs") {
            let lines: Vec<_> = text.lines().map(str::trim).collect();
            for (at, line) in
                lines.iter().enumerate().filter(|(_, line)| line.ends_with(';') && line.trim_start_matches("pub ").starts_with("mod "))
            {
                let before = lines[..at].last().copied().unwrap_or_default();
                assert!(before.starts_with("///") || before.starts_with("#["), "{name}:{}: `{line}` is not introduced", at + 1);
            }
        }
    }
}

#[test]
fn documents_name_no_file_that_is_gone() {
    for (name, text) in files(".", ".md") {
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            let there = root().join(&name).parent().unwrap().join(path);
            assert!(there.exists(), "{name} links to {target}, which is not there");
        }
    }
}
