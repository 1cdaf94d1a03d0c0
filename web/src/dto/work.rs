//! Work orders, notes, and what became of the like of an alarm.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Acknowledged, MachineRef, Time, Title};

/// Work orders, the newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkOrders {
    /// The work orders.
    pub orders: Vec<WorkOrder>,
    /// Give this as `before=` for those before these; `null` where there are none.
    pub next_before: Option<u64>,
}

/// Work that somebody is to do on a machine, from what called for it to what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkOrder {
    /// Its number, counted from 1 in the whole plant.
    pub number: u64,
    /// How often it was changed, the opening included: who changes it says from which revision.
    pub revision: u32,
    /// On which machine.
    pub machine: MachineRef,
    /// What called for it.
    pub origin: WorkOrigin,
    /// What is to be done.
    pub title: String,
    /// `open`, `planned`, `done` or `cancelled`.
    pub state: String,
    /// When it is to be done.
    pub planned_for: Option<Time>,
    /// Who is to do it.
    pub assignee: Option<String>,
    /// What was found, in words.
    pub finding: Option<String>,
    /// What was found, as the platform names it: `imbalance`, `outer_race`, …
    pub faults: Vec<String>,
    /// What was fitted or used up.
    pub parts: Vec<Part>,
    /// How long it took, all hands together, minutes.
    pub labour_min: Option<u32>,
    /// Photos by their ids, 64 hexadecimal digits.
    pub photos: Vec<String>,
    /// Who moved it, the opening first.
    pub steps: Vec<WorkStep>,
}

/// What called for a work order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkOrigin {
    /// `person`, `alarm` or `diagnosis`.
    pub kind: String,
    /// The alarm's id.
    pub alarm: Option<String>,
    /// Which point the alarm is of, by its own name.
    pub point: Option<String>,
    /// The point's name for people.
    pub point_title: Option<Title>,
    /// What the alarm watches.
    pub condition: Option<String>,
    /// Since when it had held.
    pub raised: Option<Time>,
    /// The fault that was named to those who went to look.
    pub fault: Option<String>,
}

/// A spare part or a material.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its name or number.
    pub name: String,
    /// How many, or how much: above 0, at most 1 000 000.
    pub quantity: f64,
}

/// One change of a work order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkStep {
    /// When.
    pub t: Time,
    /// Who.
    pub by: String,
    /// How far it was then.
    pub state: String,
}

/// A work order that is to be opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWorkOrder {
    /// What is to be done, 1 to 200 characters.
    pub title: String,
    /// The id of the alarm that calls for it.
    #[serde(default)]
    pub alarm: Option<String>,
    /// The diagnosed fault that calls for it; this or `alarm`.
    #[serde(default)]
    pub fault: Option<String>,
    /// When it is to be done.
    #[serde(default)]
    pub planned_for: Option<Time>,
    /// Who is to do it.
    #[serde(default)]
    pub assignee: Option<String>,
    /// Who opens it, 1 to 64 characters; `operator` where it is left out. With accounts, who is logged in counts instead.
    #[serde(default)]
    pub by: Option<String>,
}

/// A work order as it is to be from now on; what is left out is taken away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkOrderChange {
    /// The revision that the change was made from.
    pub revision: u32,
    /// What is to be done, 1 to 200 characters.
    pub title: String,
    /// `open`, `planned`, `done` (then with a finding) or `cancelled`.
    pub state: String,
    /// When it is to be done.
    #[serde(default)]
    pub planned_for: Option<Time>,
    /// Who is to do it.
    #[serde(default)]
    pub assignee: Option<String>,
    /// What was found, in words, at most 2000 characters.
    #[serde(default)]
    pub finding: Option<String>,
    /// What was found, as the platform names it.
    #[serde(default)]
    pub faults: Vec<String>,
    /// What was fitted or used up, at most 50.
    #[serde(default)]
    pub parts: Vec<Part>,
    /// How long it took, all hands together, minutes.
    #[serde(default)]
    pub labour_min: Option<u32>,
    /// Photos by the ids under which they were sent, at most 12.
    #[serde(default)]
    pub photos: Vec<String>,
    /// Only where it becomes `done`: `confirmed` or `dismissed`, whether the fault that called for it was there. It goes to
    /// the machine's model card.
    #[serde(default)]
    pub diagnosis: Option<String>,
    /// Only where it becomes `done`: the machine was repaired, so that what is usual is learnt anew.
    #[serde(default)]
    pub maintained: bool,
    /// Who changes it; see the opening.
    #[serde(default)]
    pub by: Option<String>,
}

/// Notes of a machine, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notes {
    /// The notes, without those that were taken back.
    pub notes: Vec<Note>,
    /// Give this as `before=` for those before these; `null` where there are none.
    pub next_before: Option<u64>,
}

/// What somebody noticed at a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Note {
    /// Its number.
    pub number: u64,
    /// On which alarm, by its id; `null` where on none.
    pub alarm: Option<String>,
    /// What that alarm watches.
    pub condition: Option<String>,
    /// When it was written.
    pub t: Time,
    /// Who.
    pub by: String,
    /// What.
    pub text: String,
}

/// A note that is to be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNote {
    /// What, 1 to 2000 characters.
    pub text: String,
    /// The id of an alarm of this machine that it is about.
    #[serde(default)]
    pub alarm: Option<String>,
    /// Who writes it, 1 to 64 characters; `operator` where it is left out. With accounts, who is logged in counts instead.
    #[serde(default)]
    pub by: Option<String>,
}

/// A photo that was taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Photo {
    /// The id under which a work order is to refer to it within a day, 64 hexadecimal digits.
    pub id: String,
}

/// What became of an alarm before, and of the like of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmPast {
    /// Its earlier occurrences, the newest first, without the one that stands; at most 20.
    pub occurrences: Vec<Occurrence>,
    /// Whether there are more.
    pub more: bool,
    /// Work that was done because of it or of its like (the same fault, or the same condition of a point of the same
    /// name) and what was found, the same machine first, the newest first; at most 10.
    pub found: Vec<WorkOrder>,
}

/// One time that an alarm was raised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Occurrence {
    /// Since when the condition held.
    pub raised: Time,
    /// Until when; `null` where the journal does not say.
    pub cleared: Option<Time>,
    /// Who acknowledged it first.
    pub acknowledged: Option<Acknowledged>,
    /// The work order that it called for.
    pub work_order: Option<u64>,
}
