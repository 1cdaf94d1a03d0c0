//! Bytes to packets and back.
//!
//! [`frame`] cuts packets out of a stream, [`publish`] is the codec of PUBLISH and its acknowledgements, [`control`]
//! reads the packets that come once per connection or subscription, and [`answers`] writes what they are answered.
//! [`client`] is the other side: what a client writes and reads.

pub(crate) mod answers;
pub(crate) mod client;
pub(crate) mod control;
pub(crate) mod cursor;
pub(crate) mod frame;
pub(crate) mod properties;
pub(crate) mod publish;
#[cfg(test)]
mod witness;

use crate::refusal::Refusal;

/// A packet that could not be decoded, and what to tell the client.
pub(crate) type Decoded<T> = Result<T, Refusal>;

/// Packet types, the upper four bits of the first byte.
pub(crate) mod kind {
    pub const CONNECT: u8 = 1;
    pub const CONNACK: u8 = 2;
    pub const PUBLISH: u8 = 3;
    pub const PUBACK: u8 = 4;
    pub const PUBREC: u8 = 5;
    pub const PUBREL: u8 = 6;
    pub const PUBCOMP: u8 = 7;
    pub const SUBSCRIBE: u8 = 8;
    pub const SUBACK: u8 = 9;
    pub const UNSUBSCRIBE: u8 = 10;
    pub const PINGREQ: u8 = 12;
    pub const PINGRESP: u8 = 13;
    pub const DISCONNECT: u8 = 14;
}
