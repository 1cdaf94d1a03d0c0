//! What MQTT 3.1.1 and 5 ask of a server, statement by statement, and the test that holds each.
//!
//! [`statements`] is the table; the tests it names are here and in `tests/door`, all of them against a broker on a real
//! socket. `docs/mqtt-conformance.md` is written from the table: `UPDATE_DOCS=1 cargo test -p broker --test conformance`.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]
#![allow(dead_code, reason = "the helpers are those of tests/door, and not all of them are used here")]

#[path = "../door/client.rs"]
mod client;
mod connect;
#[path = "../door/house.rs"]
mod house;
mod publish;
mod sessions;
mod statements;
mod subscribe;
mod table;
