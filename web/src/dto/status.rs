//! How the platform itself is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

/// What the page needs to know before anything else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Version of the server.
    pub version: String,
    /// Changes with every start of the server; the first part of the ids in the live stream.
    pub boot: String,
    /// Whether this is the demo plant: throw-away data, and a banner that says so.
    pub demo: bool,
    /// Whether anybody who reaches the server may publish and read.
    pub anonymous: bool,
    /// Whether the page is served to this computer only.
    pub loopback_only: bool,
    /// The server's clock.
    pub now: Time,
    /// The plant's time zone, by its IANA name: `Asia/Shanghai`.
    pub plant_time_zone: String,
    /// When the server started.
    pub started: Time,
    /// The MQTT door.
    pub mqtt: Mqtt,
    /// The store.
    pub store: Store,
}

/// Where machines connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mqtt {
    /// Address and port: `127.0.0.1:1883`; empty when MQTT is not served without TLS.
    pub address: String,
    /// Address and port with TLS; `null` when there is none.
    pub tls_address: Option<String>,
}

/// How far the store has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Store {
    /// The last commit's running number.
    pub head_seq: u64,
    /// How many series it holds.
    pub series: u64,
    /// How many machines it knows.
    pub machines: u64,
    /// How full its disk is: `normal`, `near`, `shedding` (data goes by the stated policy) or `stopped` (nothing is taken
    /// from machines).
    pub disk_level: String,
}
