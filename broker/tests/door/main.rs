//! The promises of the MQTT door, each held against a broker on a real socket.
//!
//! A test's name is the promise. Clients are the small one of [`client`], which can also send what no client should,
//! and in [`interop`] the ones of `rumqttc`.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod access;
mod certificates;
mod client;
mod delivery;
mod hazards;
mod house;
mod intake;
mod interop;
mod letting_in;
mod malformed;
mod remote;
mod retained;
mod rights;
mod shared;
mod stopping;
mod tls;
mod websocket;
