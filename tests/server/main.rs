//! The built program from outside: HTTP, command line, and what is left after a kill. On both stores where it matters.
//!
//! `tools/mongo.sh cargo test` starts a MongoDB for it.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

/// The program as a child process, and requests to it.
mod program;

/// `POST` and `GET /api/traces`.
mod traces;

/// MongoDBs that a test starts and kills.
mod database;

/// `GET /api/analytics` and `/api/failures`.
mod numbers;

/// Deleting: one trace, what matches, a project, by age.
mod removal;

/// Projects, keys and what they open.
mod access;

/// Traces as they are stored, to those who watch.
mod live;

/// Spans of OpenTelemetry, by its specification.
mod otlp;

/// The description of the API, held against its answers.
mod openapi;

/// Bodies that are too large, too deep, compressed, broken.
mod bodies;

/// Odd content, tampered cursors, a database that refuses.
mod odd;

/// Pages, their headers and the site's files.
mod pages;

/// Nothing acknowledged is lost; a database that is gone is said.
mod durability;

/// Clients that send what was not acknowledged again, many at once.
mod sender;

/// The server killed under load, 20 times on each store; its database likewise.
mod killed;

/// More than can be written in time; what is counted of it.
mod overload;

/// Nothing is acknowledged before it is on disk, as the kernel sees it.
mod synced;

/// The protocol of MongoDB: messages, and the documents in them.
mod wire;

/// Between the server and its MongoDB: connections that are cut, a primary that steps down, what writes ask for.
mod proxy;

/// Users: who may do what, and who gets nothing.
mod doors;

/// Limits: how much may be sent and asked, how often and how slowly; floods.
mod limits;

/// Who asks from elsewhere.
mod strangers;

/// From one store to another: `export` and `import`, and `copy`.
mod moving;

/// `demo`, `normalize`, `import`, `export`.
mod commands;
