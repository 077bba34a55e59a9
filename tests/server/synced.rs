use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::program::{Home, Server};

const REQUESTS: usize = 30;
const THREADS: usize = 4;

/// A system call of the trace, between the lines at which it began and ended.
struct Call<'a> {
    name: &'a str,
    /// The file that it is about; a socket has none.
    file: &'a str,
    text: &'a str,
    began: usize,
    /// Where it ended well, if it did.
    ended: Option<usize>,
}

/// The calls that `strace -f -y` told. One that others come between is told in two lines, the second of which has the result.
fn calls(trace: &str) -> Vec<Call<'_>> {
    let mut calls: Vec<(&str, Call)> = Vec::new();
    for (at, line) in trace.lines().enumerate() {
        let Some((process, text)) = line.split_once(' ') else { continue };
        let text = text.trim_start();
        let ended = text.rsplit_once(" = ").filter(|(_, result)| result.starts_with(|first: char| first.is_ascii_digit())).map(|_| at);
        if text.starts_with("<... ") {
            let call = calls.iter_mut().rev().find(|(whose, _)| *whose == process);
            call.expect("a call that began").1.ended = ended;
        } else if let Some((name, arguments)) = text.split_once('(') {
            let file = arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(file, _)| file);
            let ended = ended.filter(|_| !text.ends_with("<unfinished ...>"));
            calls.push((process, Call { name, file, text, began: at, ended }));
        }
    }
    calls.into_iter().map(|(_, call)| call).collect()
}

/// Whether a trace was in the write-ahead log, and that log synced, before the answer began that acknowledges it. `None` where no answer
/// does. A sync that was already under way when the trace was written is none of it.
fn is_synced_before_its_answer(calls: &[Call], id: &str) -> Option<bool> {
    let answer = calls.iter().find(|call| call.text.contains("HTTP/1.1 201") && call.text.contains(id))?;
    let is_log = |call: &Call| call.file.ends_with("-wal");
    let written = calls.iter().find(|call| call.name == "pwrite64" && is_log(call) && call.text.contains(id)).and_then(|call| call.ended);
    Some(written.is_some_and(|written| {
        calls.iter().any(|call| {
            let is_sync = ["fsync", "fdatasync"].contains(&call.name) && is_log(call);
            is_sync && call.began > written && call.ended.is_some_and(|ended| ended < answer.began)
        })
    }))
}

/// Names of which none is in another.
fn id(n: usize) -> String {
    format!("synced-{n:04}")
}

fn send(server: &Server, numbers: impl Iterator<Item = usize>) {
    for n in numbers {
        assert_eq!(server.ingest(json!({"trace_id": id(n), "prompt": "p".repeat(n * 40)}).to_string()).status, 201);
    }
}

/// What strace wrote until it saw the server end; it writes on for a moment after that.
fn finished(file: &Path, process: u32) -> String {
    let start = Instant::now();
    loop {
        let trace = fs::read_to_string(file).unwrap();
        if trace.lines().rev().take(50).any(|line| line.starts_with(&format!("{process} ")) && line.ends_with("+++ exited with 0 +++")) {
            return trace;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "strace does not end");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn nothing_is_acknowledged_before_its_sync() {
    let home = Home::embedded();
    let file = home.path("strace");
    // In a process of its own (-D), all threads (-f), names of files (-y), whole pages and answers (-s).
    let watched = "trace=pwrite64,pwritev,fsync,fdatasync,write,writev,sendto,sendmsg";
    let tool = ["strace", "-D", "-f", "-y", "-s", "70000", "-o", file.to_str().unwrap(), "-e", "signal=none", "-e", watched];
    let server = home.start_under(&tool, &[]);
    let process = server.id();
    send(&server, 0..REQUESTS);
    thread::scope(|scope| {
        for from in (1..=THREADS).map(|thread| thread * REQUESTS) {
            let server = &server;
            scope.spawn(move || send(server, from..from + REQUESTS));
        }
    });
    assert!(server.terminate());
    let trace = finished(&file, process);
    let calls = calls(&trace);
    for n in 0..REQUESTS * (THREADS + 1) {
        assert_eq!(is_synced_before_its_answer(&calls, &id(n)), Some(true), "trace {n}");
    }
}

/// The test above can fail.
#[test]
fn an_answer_before_its_sync_is_found() {
    let write = r#"12 pwrite64(9</data/tracellm.db-wal>, "..\0synced-0000\7..", 4096, 56) = 4096"#;
    let answer =
        r#"7  writev(15<socket:[31]>, [{iov_base="HTTP/1.1 201 Created\r\n"}, {iov_base="{\"trace_id\":\"synced-0000\"}"}], 2) = 90"#;
    let sync = "12 fdatasync(9</data/tracellm.db-wal>) = 0";
    let (begins, ends) = ("12 fdatasync(9</data/tracellm.db-wal> <unfinished ...>", "12 <... fdatasync resumed>)   = 0");
    let fails = "12 fdatasync(9</data/tracellm.db-wal>) = -1 EIO (Input/output error)";
    let other = "12 fdatasync(9</data/tracellm.db>) = 0";
    let judged = |lines: &[&str]| is_synced_before_its_answer(&calls(&lines.join("\n")), "synced-0000");
    assert_eq!(judged(&[write, sync, answer]), Some(true));
    assert_eq!(judged(&[write, begins, ends, answer]), Some(true));
    for wrong in [
        &[write, answer, sync][..],
        &[write, begins, answer, ends],
        &[begins, write, ends, answer],
        &[sync, write, answer],
        &[write, fails, answer],
        &[write, other, answer],
        &[sync, answer],
    ] {
        assert_eq!(judged(wrong), Some(false), "{wrong:?}");
    }
    assert_eq!(judged(&[write, sync]), None);
}
