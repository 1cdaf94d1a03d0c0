//! Mapping rules as they are read, edited and tried.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Number, Time};

/// The mapping rules in their order; the first that matches wins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Rules {
    /// Counts the changes; a change states the one that it was made from.
    pub revision: u64,
    /// The last change; `null` where nobody has made one.
    pub changed: Option<RulesChanged>,
    /// The rules.
    pub rules: Vec<Rule>,
}

/// Who changed the rules, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RulesChanged {
    /// Who.
    pub by: String,
    /// When.
    pub at: Time,
}

/// What messages of one form on some topics mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, unique among the rules.
    pub name: String,
    /// Whether it is applied.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Topic pattern: literal levels, `+`, captures such as `{machine}`, and `#` at the end.
    pub topic: String,
    /// `json`, `csv`, `plain` or `hj212`.
    pub format: String,
    /// JSON: pointer to an array or object of which every entry is read on its own.
    #[serde(default)]
    pub each: Option<String>,
    /// CSV: what stands between columns.
    #[serde(default)]
    pub separator: Option<char>,
    /// CSV: lines at the beginning that are passed over.
    #[serde(default)]
    pub skip: u16,
    /// The site: a text with `{captures}` and `{/fields}`.
    pub site: String,
    /// The machine: likewise.
    pub machine: String,
    /// What to take.
    #[serde(default)]
    pub values: Vec<RuleValue>,
    /// Where the time stands; without it, the time of receipt stands in and values are uncertain.
    #[serde(default)]
    pub time: Option<RuleTime>,
    /// Conditions that must hold.
    #[serde(default)]
    pub filters: Vec<RuleFilter>,
}

const fn yes() -> bool {
    true
}

const fn one() -> f64 {
    1.0
}

/// A value to take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleValue {
    /// Where: a JSON pointer (`/temp`, from the root of the payload `^/temp`), a column (`#2`), or nothing for the whole.
    pub field: String,
    /// The point: a text with `{captures}` and `{/fields}`.
    pub point: String,
    /// The unit after scale and offset.
    #[serde(default)]
    pub unit: Option<String>,
    /// Factor.
    #[serde(default = "one")]
    pub scale: f64,
    /// Added after the factor.
    #[serde(default)]
    pub offset: f64,
    /// Whether a message may come without it.
    #[serde(default)]
    pub optional: bool,
}

/// Where a time stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleTime {
    /// Where.
    pub field: String,
    /// Offset from UTC, in minutes, of texts that state none; 480 is China.
    #[serde(default)]
    pub zone_min: Option<i32>,
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleFilter {
    /// Where to look.
    pub field: String,
    /// What must be written there; `null`: something must stand there.
    #[serde(default)]
    pub equals: Option<String>,
}

/// A change of the rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleChange {
    /// The revision that was edited. If another holds by now, nothing is changed.
    pub revision: u64,
    /// Who makes the change.
    #[serde(default)]
    pub by: Option<String>,
    /// All rules, in their order.
    pub rules: Vec<Rule>,
}

/// A message as it was captured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CapturedMessage {
    /// The topic.
    pub topic: String,
    /// The payload.
    pub payload: String,
    /// `utf-8` (also where it is left out), or `hex`.
    #[serde(default)]
    pub encoding: Option<String>,
}

/// Rules to try on a message. Nothing is changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleAttempt {
    /// The rules, in their order; where they are left out, those that hold.
    #[serde(default)]
    pub rules: Option<Vec<Rule>>,
    /// The message.
    pub message: CapturedMessage,
}

/// What a message would become.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Trial {
    /// Whether the topic is understood without a rule, so that none is asked.
    pub native: bool,
    /// The rule that won.
    pub rule: Option<String>,
    /// What its pattern captured.
    pub captures: BTreeMap<String, String>,
    /// The rules that were asked, in their order.
    pub steps: Vec<TrialStep>,
    /// What would be stored; at most 200 of `count`.
    pub readings: Vec<TrialReading>,
    /// How many values there are.
    pub count: u64,
    /// Why the message would go to quarantine; its readings would be stored all the same.
    pub fault: Option<TrialFault>,
}

/// One rule that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrialStep {
    /// Which.
    pub rule: String,
    /// `disabled`, `other_topic`, `conditions` (they do not hold), `matched` or `failed`.
    pub outcome: String,
}

/// One value that a message would become.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrialReading {
    /// `site/machine`.
    pub machine: String,
    /// The point's own name.
    pub point: String,
    /// The value in `unit`; `null` where the message says that there is none.
    pub value: Option<Number>,
    /// The point's unit where it is known, else that of the rule.
    pub unit: Option<String>,
    /// When.
    pub t: Time,
    /// Whether the message says so; otherwise it is the time of receipt.
    pub stated: bool,
    /// Whether the point is known. Values of unknown ones wait until they are adopted.
    pub known: bool,
}

/// Why a message would go to quarantine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrialFault {
    /// The stable code.
    pub code: String,
    /// What was expected, what was found, what to do.
    pub reason: String,
}

/// A first rule for a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RuleSuggestion {
    /// The rule; `null` where nothing in the message looks like a value.
    pub rule: Option<Rule>,
}
