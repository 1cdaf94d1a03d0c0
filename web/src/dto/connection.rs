//! "Is data flowing?": who is connected over MQTT.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

/// The MQTT door, as it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Connections {
    /// The clients, by client id; those who left lately among them.
    pub clients: Vec<Client>,
    /// All together.
    pub totals: ConnectionTotals,
    /// How many messages and connections were turned away since the start, by reason.
    pub refused: BTreeMap<String, u64>,
}

/// One MQTT client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Client {
    /// Its client id.
    pub client_id: String,
    /// Whence it connects.
    pub address: String,
    /// User name, or `anonymous`.
    pub identity: String,
    /// `3.1.1` or `5`.
    pub protocol: String,
    /// Since when it has been connected (or when it left).
    pub since: Time,
    /// Whether it is connected.
    pub connected: bool,
    /// Messages a second, of late.
    pub rate_msgs_s: f64,
    /// Bytes a second, of late.
    pub rate_bytes_s: f64,
    /// Messages since it connected.
    pub messages: u64,
    /// Bytes since it connected.
    pub bytes: u64,
    /// To how many topic filters it has subscribed.
    pub subscriptions: u64,
    /// To which topic it published last.
    pub last_topic: Option<String>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// How often it was denied something for want of rights.
    pub denials: u64,
    /// What it was denied last.
    pub last_denial: Option<Denial>,
    /// How often reading from it was held back, because it published faster than it may.
    pub throttled: u64,
}

/// What a client was denied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Denial {
    /// The topic or topic filter.
    pub topic: String,
    /// `publish_denied`, `subscribe_denied` or `will_denied`.
    pub why: String,
}

/// All clients together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConnectionTotals {
    /// How many are connected.
    pub connected: u64,
    /// Messages a second, of late.
    pub rate_msgs_s: f64,
    /// Bytes a second, of late.
    pub rate_bytes_s: f64,
    /// Messages of the clients listed.
    pub messages: u64,
    /// Bytes of the clients listed.
    pub bytes: u64,
}
