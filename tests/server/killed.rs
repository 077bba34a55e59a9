//! The server or its database is killed while many send: what was acknowledged is there, once.

use std::{thread, time::Duration};

use crate::{
    database::{Database, Kind},
    program::Home,
    sender::{Sender, all_is_there_once, send_during, senders},
};

const ROUNDS: u32 = 20;
const SENDERS: u64 = 8;

/// Another moment each round, the first before the first commit.
fn wait_for_the_moment(round: u32) {
    thread::sleep(Duration::from_millis(u64::from(round * 53 % 389)));
}

fn acknowledged(senders: &[Sender]) -> u64 {
    senders.iter().map(|sender| sender.acknowledged).sum()
}

fn nothing_is_lost_or_doubled(home: &Home) {
    let mut senders = senders(SENDERS);
    for round in 0..ROUNDS {
        let server = home.start();
        server.wait_until_ready();
        send_during(&server.url.clone(), &mut senders, || {
            wait_for_the_moment(round);
            server.kill();
        });
    }
    let came_through = acknowledged(&senders);
    assert!(came_through > u64::from(ROUNDS) * 5, "only {came_through} came through");
    let server = home.start();
    server.wait_until_ready();
    all_is_there_once(&server, &mut senders);
    sums_are_right(home);
}

fn sums_are_right(home: &Home) {
    let repaired = home.run(&["repair", "rollups"]);
    assert!(repaired.status.success());
    let told = String::from_utf8_lossy(&repaired.stderr);
    assert!(told.contains("; 0 were not") && !told.starts_with("0 sums"), "{told}");
}

#[test]
fn a_killed_server_loses_and_doubles_nothing_embedded() {
    nothing_is_lost_or_doubled(&Home::embedded());
}

#[test]
fn a_killed_server_loses_and_doubles_nothing_mongodb() {
    nothing_is_lost_or_doubled(&Home::mongo());
}

#[test]
fn a_killed_database_loses_and_doubles_nothing() {
    let Some(mut database) = Database::start(Kind::Usual) else { return };
    let home = Home::mongo_at(database.url());
    let server = home.start();
    let mut senders = senders(SENDERS);
    send_during(&server.url, &mut senders, || {
        for round in 0..ROUNDS {
            server.wait_until_ready();
            wait_for_the_moment(round);
            database.kill();
            // Most outages are short enough for a request to outlast them; every fifth is longer than any request waits for a server.
            thread::sleep(Duration::from_millis(if round % 5 == 4 { 4_000 } else { u64::from(round * 97 % 500) }));
            database.start_again();
        }
    });
    let (came_through, refused): (u64, u64) = (acknowledged(&senders), senders.iter().map(|sender| sender.refused).sum());
    assert!(came_through > u64::from(ROUNDS) * 5, "only {came_through} came through");
    assert!(refused >= SENDERS, "only {refused} were refused");
    assert_eq!(senders.iter().map(|sender| sender.broken).sum::<u64>(), 0, "the server itself lives, and answers");
    server.wait_until_ready();
    all_is_there_once(&server, &mut senders);
    sums_are_right(&home);
}
