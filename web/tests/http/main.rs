//! The web door as its clients see it: real HTTP over loopback, a real store in a temporary directory.

#![allow(clippy::unwrap_used, reason = "the helpers of a test are a test")]

mod access;
mod acknowledge;
mod analysis;
mod answers;
mod assess;
mod devices;
mod errors;
mod export;
mod house;
mod live;
mod matrix;
mod notifications;
mod past;
mod registrar;
mod rules;
mod sign_in;
mod small;
mod sockets;
mod store;
mod study;
mod tls;
mod waiting;
mod work;
