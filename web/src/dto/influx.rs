//! How far InfluxDB has come.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

/// Shipping to InfluxDB; counts are since the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Influx {
    /// Where it is.
    pub url: String,
    /// The organisation.
    pub org: String,
    /// The bucket.
    pub bucket: String,
    /// `starting`, `live`, `catching_up`, `waiting` (the server is away or busy) or `refused` (somebody has to change
    /// token, organisation, bucket or address).
    pub phase: String,
    /// How far it is behind, seconds.
    pub lag_s: f64,
    /// Above this the lag is an alarm, seconds.
    pub lag_alarm_s: f64,
    /// Points that it is still to get, about; those in commits that were not read yet are not counted.
    pub owed_points: u64,
    /// Commits that were not shipped.
    pub commits_behind: u64,
    /// Points that it took.
    pub points: u64,
    /// Of these, those that its bucket does not keep so long.
    pub expired: u64,
    /// Points that it refused; they are in quarantine.
    pub refused: u64,
    /// When it last took something.
    pub last_taken: Option<Time>,
    /// What went wrong last, until something is taken again.
    pub error: Option<String>,
}
