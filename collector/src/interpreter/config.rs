//! Settings of the collector.

use std::sync::Arc;
use std::time::Duration;

use plant::{Catalogue, Name};

use crate::parts::PartLimits;

/// Settings of the collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whether unknown machines and points are taken on at once. Otherwise their messages wait in quarantine.
    pub adopt: bool,
    /// How far ahead of ours the time of a message may be; later ones are quarantined, for they would hide every value
    /// after them. `None` lets any time in.
    pub max_ahead: Option<Duration>,
    /// How often at most a Sparkplug node is asked for its birth.
    pub rebirth_interval: Duration,
    /// How long a Sparkplug message that was overtaken by others may take before it counts as lost (the specification's
    /// reorder timeout). Zero: any gap is a loss at once.
    pub reorder_window: Duration,
    /// As what this platform announces itself to Sparkplug edge nodes; `None`: it does not.
    pub host_id: Option<Name>,
    /// How many messages are remembered to recognise repetitions; as many waveforms beside them.
    pub duplicates: usize,
    /// How many machines may be taken on.
    pub machines: usize,
    /// How many points a machine may have.
    pub points: usize,
    /// How much may wait for the rest of its parts, and for how long.
    pub parts: PartLimits,
    /// Where bearings are looked up of which a birth states nothing but the designation.
    pub catalogue: Arc<Catalogue>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            adopt: false,
            max_ahead: Some(Duration::from_secs(24 * 3600)),
            rebirth_interval: Duration::from_secs(5),
            reorder_window: Duration::from_secs(3),
            host_id: None,
            duplicates: 65_536,
            machines: 20_000,
            points: 10_000,
            parts: PartLimits::default(),
            catalogue: Arc::new(Catalogue::built_in().clone()),
        }
    }
}
