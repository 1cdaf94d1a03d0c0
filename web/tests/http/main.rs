//! The web door as its clients see it: real HTTP over loopback, a real store in a temporary directory.

mod acknowledge;
mod answers;
mod errors;
mod house;
mod live;
mod sockets;
