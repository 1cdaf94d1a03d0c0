//! How alarms are meant.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Number, Priority, Title};

/// The alarms of which somebody has said how they are meant. All others are watched as the points' limits and the
/// platform's own rules say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmDefinitions {
    /// By machine, point and condition.
    pub definitions: Vec<AlarmDefinition>,
}

/// How one alarm is meant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmDefinition {
    /// Its id; not read.
    #[serde(default)]
    pub id: Option<String>,
    /// The machine's id, `site/machine`.
    pub machine: String,
    /// The point's own name; left out where the machine as a whole is meant.
    #[serde(default)]
    pub point: Option<String>,
    /// What is watched, as in an alarm's `condition`.
    pub condition: String,
    /// `high_high`, `high`, `low`, `low_low`: the limit, in place of the point's own.
    #[serde(default)]
    pub limit: Option<f64>,
    /// `rate`: the fastest the value may change, up or down, in its unit per second.
    #[serde(default)]
    pub rate_per_s: Option<f64>,
    /// `rate`: over which time it is measured, s.
    #[serde(default)]
    pub rate_over_s: Option<f64>,
    /// `deviation`: the furthest the value may be from where it should be.
    #[serde(default)]
    pub deviation: Option<f64>,
    /// `deviation`: where it should be.
    #[serde(default)]
    pub deviation_from: Option<f64>,
    /// `deviation`: the point that says where it should be, `site/machine/point`.
    #[serde(default)]
    pub deviation_from_point: Option<String>,
    /// `discrete`: the states that call people.
    #[serde(default)]
    pub states: Option<Vec<Number>>,
    /// How long the condition must hold, s.
    #[serde(default)]
    pub on_delay_s: f64,
    /// How long it must be gone, s.
    #[serde(default)]
    pub off_delay_s: f64,
    /// How far the value must come back, in its unit; 2 % of the span or of the limit where it is left out.
    #[serde(default)]
    pub deadband: Option<f64>,
    /// How urgent; as the condition usually is where it is left out.
    #[serde(default)]
    pub priority: Option<Priority>,
    /// Whether it stays until somebody resets it.
    #[serde(default)]
    pub latching: bool,
    /// Announced anew after this long, s, where it was acknowledged and still holds.
    #[serde(default)]
    pub re_alarm_s: Option<f64>,
    /// How long people have to respond, s.
    #[serde(default)]
    pub respond_within_s: Option<f64>,
    /// What happens where nobody does.
    #[serde(default)]
    pub consequence: Title,
    /// What to do.
    #[serde(default)]
    pub action: Title,
    /// Why it exists.
    #[serde(default)]
    pub rationale: Title,
    /// Its group, of which the first that is raised is marked.
    #[serde(default)]
    pub group: Option<String>,
    /// Who answers for it.
    #[serde(default)]
    pub owner: Option<String>,
    /// While any of these holds nobody is told: `site/machine/point < 50` (or `>`, `=`), or another alarm,
    /// `site/machine/point low_low`.
    #[serde(default)]
    pub suppressed_while: Vec<String>,
}

/// Which alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmName {
    /// The machine's id, `site/machine`.
    pub machine: String,
    /// The point's own name; left out where the machine as a whole is meant.
    #[serde(default)]
    pub point: Option<String>,
    /// What is watched.
    pub condition: String,
}

/// A change of definitions, all of it or nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DefinitionChange {
    /// Alarms that are meant like this from now on.
    #[serde(default)]
    pub define: Vec<AlarmDefinition>,
    /// Alarms of which nothing is said any more.
    #[serde(default)]
    pub forget: Vec<AlarmName>,
    /// Only say what would change.
    #[serde(default)]
    pub dry_run: bool,
    /// Who, 1 to 64 characters; `operator` where it is left out. With accounts, who is logged in counts instead.
    #[serde(default)]
    pub by: Option<String>,
}

/// What a change has changed, or would.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChangedDefinitions {
    /// Whether it was done.
    pub applied: bool,
    /// What is otherwise than before.
    pub changes: Vec<ChangedDefinition>,
}

/// One alarm of which the definition changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChangedDefinition {
    /// The alarm's id.
    pub id: String,
    /// As it was; `null` where nothing was said.
    pub before: Option<AlarmDefinition>,
    /// As it is; `null` where nothing is said any more.
    pub after: Option<AlarmDefinition>,
}
