//! The host application's own word: `spBv1.0/STATE/{host}`, retained, QoS 1, JSON.
//!
//! Pure: it builds and reads topics and payloads. Whoever holds the connection publishes them, and registers the death
//! as the will of that connection with the timestamp of the birth that follows it, so that an edge node that sees both
//! knows which of two sessions a late will belongs to.

use bytes::Bytes;
use plant::{Name, Timestamp};
use serde::{Deserialize, Serialize};

use crate::fault::{Code, Fault};
use crate::topic::Topic;

/// Longest STATE payload that is looked at, in bytes.
const LONGEST: usize = 4096;

/// What a STATE message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Whether the host application is there.
    pub online: bool,
    /// Since when, epoch ms; of a will: when the connection was made that it belongs to.
    pub timestamp: u64,
}

impl State {
    /// As the JSON of the specification.
    #[must_use]
    pub fn encode(self) -> Bytes {
        format!("{{\"online\":{},\"timestamp\":{}}}", self.online, self.timestamp).into()
    }

    /// Reads the JSON of the specification. Other members are let pass: version 3.0 hosts of before its final text sent
    /// a `bdSeq` as well.
    pub fn decode(payload: &[u8]) -> Result<Self, Fault> {
        let fault = |found: String| {
            Fault::new(Code::SparkplugState, "JSON with \"online\" (true or false) and \"timestamp\" (epoch ms)", found)
        };
        match payload.len() {
            n if n > LONGEST => Err(fault(format!("{n} bytes"))),
            _ => serde_json::from_slice(payload).map_err(|e| fault(e.to_string())),
        }
    }
}

/// Where the host application called `host` announces itself.
#[must_use]
pub fn state_topic(host: &Name) -> String {
    Topic::SparkplugState(host.clone()).to_string()
}

/// Its birth certificate.
#[must_use]
pub fn birth(t: Timestamp) -> Bytes {
    State { online: true, timestamp: millis(t) }.encode()
}

/// Its death certificate. As the will of a connection it bears the time of that connection's birth; published before an
/// intended disconnection, the time of that.
#[must_use]
pub fn death(t: Timestamp) -> Bytes {
    State { online: false, timestamp: millis(t) }.encode()
}

/// Epoch milliseconds; instants before 1970 count as 0.
pub(crate) fn millis(t: Timestamp) -> u64 {
    u64::try_from(t.nanos() / 1_000_000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payloads_are_those_of_the_specification() {
        let t = Timestamp::from_millis(1_735_689_600_123);
        assert_eq!(&birth(t)[..], br#"{"online":true,"timestamp":1735689600123}"#);
        assert_eq!(&death(t)[..], br#"{"online":false,"timestamp":1735689600123}"#);
        assert_eq!(state_topic(&Name::new("丹霞").unwrap()), "spBv1.0/STATE/丹霞");
        assert_eq!(State::decode(&birth(t)), Ok(State { online: true, timestamp: 1_735_689_600_123 }));
        assert_eq!(&birth(Timestamp::MIN)[..], br#"{"online":true,"timestamp":0}"#);
    }

    #[test]
    fn a_state_that_is_none_is_a_fault_and_more_members_are_not() {
        for payload in
            [&b""[..], b"ONLINE", b"{}", b"[true,1]{", br#"{"online":"false","timestamp":1}"#, br#"{"online":true}"#]
        {
            assert_eq!(State::decode(payload).unwrap_err().code, Code::SparkplugState);
        }
        let long = format!("{{\"online\":true,\"timestamp\":1,\"x\":\"{}\"}}", "x".repeat(LONGEST));
        assert_eq!(State::decode(long.as_bytes()).unwrap_err().code, Code::SparkplugState);
        let pre_final = br#"{"bdSeq":3,"timestamp":7,"online":false}"#;
        assert_eq!(State::decode(pre_final), Ok(State { online: false, timestamp: 7 }));
    }
}
