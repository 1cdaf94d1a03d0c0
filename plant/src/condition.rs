//! A state of the platform itself that people must know of: a disk that fills, a database that is not reached.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Name, Priority, Value};

/// How things stand with one part of the platform. It is said when it changes and at each start, so that what an
/// instance before this one said is put right; analytics makes a system alarm (IEC 62682) of the changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Which: `disk_space`, … The alarm's code is `system.` and this.
    pub name: Name,
    /// How urgent it is while it holds. Of one that becomes more urgent people are told anew.
    pub priority: Priority,
    /// Whether it holds.
    pub active: bool,
    /// The numbers and texts behind it. `value`, `limit` (numbers) and `unit` (a symbol) are shown as those of the alarm,
    /// other numbers as its evidence, other texts as codes that explain it.
    pub detail: BTreeMap<Arc<str>, Value>,
}

impl Condition {
    /// [`Condition::name`] where the store's disk fills.
    pub const DISK_SPACE: &str = "disk_space";
    /// [`Condition::name`] where InfluxDB is further behind than it may be.
    pub const INFLUX_LAG: &str = "influx_lag";
    /// [`Condition::name`] where InfluxDB refuses the platform: token, organisation, bucket or address.
    pub const INFLUX_REFUSED: &str = "influx_refused";
    /// [`Condition::name`] where a channel by which people are notified of alarms takes nothing.
    pub const NOTIFICATION_CHANNEL: &str = "notification_channel";
    /// Every name that there is: the page has words for each, in both languages.
    pub const NAMES: &[&str] = &[Self::DISK_SPACE, Self::INFLUX_LAG, Self::INFLUX_REFUSED, Self::NOTIFICATION_CHANNEL];
}
