//! What people do about a machine, and what they noticed: work orders and notes.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::{AlarmCondition, AlarmKey, Fault, MachineId, Timestamp};

/// Work that somebody is to do on a machine, from the alarm or diagnosis that called for it to what was found.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkOrder {
    /// Its number, counted from 1 in the whole plant.
    pub number: u64,
    /// On which machine.
    pub machine: MachineId,
    /// What called for it.
    pub origin: WorkOrigin,
    /// What is to be done.
    pub title: Arc<str>,
    /// How far it is.
    pub state: WorkState,
    /// When it is to be done.
    pub planned_for: Option<Timestamp>,
    /// Who is to do it.
    pub assignee: Option<Arc<str>>,
    /// What was found, in words.
    pub finding: Option<Arc<str>>,
    /// What was found, as the platform names it.
    pub faults: Vec<Fault>,
    /// What was fitted or used up.
    pub parts: Vec<Part>,
    /// How long it took, all hands together, minutes.
    pub labour_min: Option<u32>,
    /// What was seen.
    pub photos: Vec<PhotoId>,
    /// Who moved it, the opening first. Never empty.
    pub steps: Vec<WorkStep>,
}

/// What called for a work order.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkOrigin {
    /// Somebody did, by themselves.
    Person,
    /// An alarm.
    Alarm {
        /// Which.
        key: AlarmKey,
        /// Since when it had held: which of its occurrences.
        raised: Timestamp,
    },
    /// What the machine's points say together.
    Diagnosis(Fault),
}

impl WorkOrigin {
    /// The fault that was named to those who went to look.
    #[must_use]
    pub const fn fault(&self) -> Option<Fault> {
        match self {
            Self::Diagnosis(fault) => Some(*fault),
            Self::Alarm { key: AlarmKey { condition: AlarmCondition::Bearing(_, fault), .. }, .. } => {
                Some(Fault::Bearing(*fault))
            }
            Self::Alarm { .. } | Self::Person => None,
        }
    }

    /// Since when the alarm had held.
    #[must_use]
    pub const fn raised(&self) -> Option<Timestamp> {
        match self {
            Self::Alarm { raised, .. } => Some(*raised),
            _ => None,
        }
    }

    /// The alarm.
    #[must_use]
    pub const fn alarm(&self) -> Option<&AlarmKey> {
        match self {
            Self::Alarm { key, .. } => Some(key),
            _ => None,
        }
    }
}

/// How far a work order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkState {
    /// It waits.
    Open,
    /// It has a time, or somebody who does it.
    Planned,
    /// It was done, and says what was found.
    Done,
    /// It is not going to be done.
    Cancelled,
}

impl WorkState {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Open, Self::Planned, Self::Done, Self::Cancelled];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Planned => "planned",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// From the stable name.
    #[must_use]
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|w| w.as_str() == s)
    }

    /// Whether something is still to be done.
    #[must_use]
    pub const fn unfinished(self) -> bool {
        matches!(self, Self::Open | Self::Planned)
    }

    /// Whether it may be in `next` after this. What has ended is opened anew before anything else becomes of it.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Open | Self::Planned => true,
            Self::Done => matches!(next, Self::Done | Self::Open),
            Self::Cancelled => matches!(next, Self::Cancelled | Self::Open),
        }
    }
}

/// A spare part or a material.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Its name or number.
    pub name: Arc<str>,
    /// How many, or how much.
    pub quantity: f64,
}

/// A photo by the SHA-256 of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhotoId(pub [u8; 32]);

/// 64 hexadecimal digits.
impl fmt::Display for PhotoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// Not the id of a photo.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the id of a photo is 64 hexadecimal digits in lower case")]
pub struct PhotoIdError;

/// As it is displayed.
impl FromStr for PhotoId {
    type Err = PhotoIdError;
    fn from_str(s: &str) -> Result<Self, PhotoIdError> {
        let (pairs, []) = s.as_bytes().as_chunks::<2>() else { return Err(PhotoIdError) };
        let digit = |b: u8| char::from(b).to_digit(16).filter(|_| !b.is_ascii_uppercase());
        let bytes = pairs.iter().map(|[a, b]| Some((digit(*a)? << 4 | digit(*b)?) as u8));
        let bytes: Option<Vec<u8>> = bytes.collect();
        bytes.and_then(|b| b.try_into().ok()).map(Self).ok_or(PhotoIdError)
    }
}

/// One change of a work order.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkStep {
    /// When.
    pub t: Timestamp,
    /// Who.
    pub by: Arc<str>,
    /// How far it was then.
    pub state: WorkState,
}

/// What somebody noticed at a machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// Its number, counted from 1 in the whole plant.
    pub number: u64,
    /// At which machine.
    pub machine: MachineId,
    /// On which alarm, if on one.
    pub alarm: Option<AlarmKey>,
    /// When it was written.
    pub t: Timestamp,
    /// Who.
    pub by: Arc<str>,
    /// What.
    pub text: Arc<str>,
    /// When it was taken back, and by whom. It is not shown any more, and not forgotten.
    pub withdrawn: Option<(Timestamp, Arc<str>)>,
}

/// A work order or note as it is from now on: the whole of it, in place of what it was.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// A work order.
    Order(Box<WorkOrder>),
    /// A note.
    Note(Box<Note>),
}

impl Work {
    /// Of which machine.
    #[must_use]
    pub const fn machine(&self) -> &MachineId {
        match self {
            Self::Order(order) => &order.machine,
            Self::Note(note) => &note.machine,
        }
    }
}

/// Why a work order or note cannot be as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkFault {
    /// A text is missing, too long, or holds what no keyboard types.
    #[error("{0} is empty, longer than {1} characters, or holds control characters")]
    Text(&'static str, usize),
    /// More of something than is kept.
    #[error("there are more than {1} {0}")]
    Many(&'static str, usize),
    /// A quantity that is none.
    #[error("the quantity of a part is not above 0, or above 1 000 000")]
    Quantity,
    /// More time than a year of one person.
    #[error("it took longer than {} h", WorkOrder::MOST_MINUTES / 60)]
    Labour,
    /// It is done and does not say what was found.
    #[error("it is done and says nothing of what was found")]
    NoFinding,
    /// It cannot become that.
    #[error("what is {} does not become {}; open it again first", .0.as_str(), .1.as_str())]
    Step(WorkState, WorkState),
    /// It was changed too often.
    #[error("it was changed {} times; open a new one", WorkOrder::MOST_STEPS)]
    Steps,
}

impl WorkOrder {
    /// Longest title, name of a person or part; characters.
    pub const LONGEST_NAME: usize = 200;
    /// Longest text; characters.
    pub const LONGEST_TEXT: usize = 2_000;
    /// Most parts.
    pub const MOST_PARTS: usize = 50;
    /// Most photos.
    pub const MOST_PHOTOS: usize = 12;
    /// Most changes.
    pub const MOST_STEPS: usize = 200;
    /// Most work, minutes: a year of 2,000 h.
    pub const MOST_MINUTES: u32 = 120_000;

    /// Who opened it, and when.
    #[must_use]
    pub fn opened(&self) -> Option<&WorkStep> {
        self.steps.first()
    }

    /// When it was done or given up, if it was.
    #[must_use]
    pub fn ended(&self) -> Option<&WorkStep> {
        self.steps.last().filter(|_| !self.state.unfinished())
    }

    /// How often it was changed, the opening included: who changes it says from which revision.
    #[must_use]
    pub fn revision(&self) -> usize {
        self.steps.len()
    }

    /// Says what makes no sense, if anything does; with what it was `before`.
    pub fn check(&self, before: Option<WorkState>) -> Result<(), WorkFault> {
        line("the title", &self.title, Self::LONGEST_NAME)?;
        if let Some(who) = &self.assignee {
            line("the name of who does it", who, Self::LONGEST_NAME)?;
        }
        match &self.finding {
            Some(text) => several("the finding", text, Self::LONGEST_TEXT)?,
            None if self.state == WorkState::Done => return Err(WorkFault::NoFinding),
            None => {}
        }
        for part in &self.parts {
            line("the name of a part", &part.name, Self::LONGEST_NAME)?;
            if !(part.quantity > 0.0 && part.quantity <= 1e6) {
                return Err(WorkFault::Quantity);
            }
        }
        let many = |what, n: usize, most| if n > most { Err(WorkFault::Many(what, most)) } else { Ok(()) };
        many("parts", self.parts.len(), Self::MOST_PARTS)?;
        many("photos", self.photos.len(), Self::MOST_PHOTOS)?;
        many("faults", self.faults.len(), Fault::ALL.len())?;
        if self.labour_min.is_some_and(|m| m > Self::MOST_MINUTES) {
            return Err(WorkFault::Labour);
        }
        if self.steps.len() > Self::MOST_STEPS {
            return Err(WorkFault::Steps);
        }
        match before {
            Some(before) if !before.may_become(self.state) => Err(WorkFault::Step(before, self.state)),
            _ => Ok(()),
        }
    }
}

impl Note {
    /// Says what makes no sense, if anything does.
    pub fn check(&self) -> Result<(), WorkFault> {
        several("the note", &self.text, WorkOrder::LONGEST_TEXT)
    }
}

/// One line of text.
fn line(what: &'static str, text: &str, most: usize) -> Result<(), WorkFault> {
    if text.contains(['\n', '\t']) { Err(WorkFault::Text(what, most)) } else { several(what, text, most) }
}

/// Several lines of text.
fn several(what: &'static str, text: &str, most: usize) -> Result<(), WorkFault> {
    let odd = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.trim().is_empty() || text.chars().count() > most || text.chars().any(odd) {
        return Err(WorkFault::Text(what, most));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BearingFault, PointId};

    fn order() -> WorkOrder {
        let opened = WorkStep { t: Timestamp::from_secs(1), by: "lin".into(), state: WorkState::Open };
        WorkOrder {
            number: 1,
            machine: "s/m".parse().unwrap(),
            origin: WorkOrigin::Person,
            title: "replace the bearing".into(),
            state: WorkState::Open,
            planned_for: None,
            assignee: None,
            finding: None,
            faults: Vec::new(),
            parts: Vec::new(),
            labour_min: None,
            photos: Vec::new(),
            steps: vec![opened],
        }
    }

    #[test]
    fn what_has_ended_is_opened_anew_first() {
        use WorkState::*;
        for (before, after) in WorkState::ALL.into_iter().flat_map(|b| WorkState::ALL.map(|a| (b, a))) {
            let refused = matches!((before, after), (Done, Planned | Cancelled) | (Cancelled, Planned | Done));
            assert_eq!(before.may_become(after), !refused, "{before:?} {after:?}");
        }
        for state in WorkState::ALL {
            assert_eq!(WorkState::parse(state.as_str()), Some(state));
        }
        let done = WorkOrder { state: Done, finding: Some("inner race spalled".into()), ..order() };
        assert_eq!(done.check(Some(Cancelled)), Err(WorkFault::Step(Cancelled, Done)));
        assert_eq!(done.check(Some(Planned)), Ok(()));
        assert_eq!(done.ended(), done.steps.last());
        assert_eq!(order().ended(), None);
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let check = |order: WorkOrder, want| assert_eq!(order.check(None), want);
        check(order(), Ok(()));
        check(WorkOrder { title: " ".into(), ..order() }, Err(WorkFault::Text("the title", 200)));
        check(WorkOrder { title: "a\nb".into(), ..order() }, Err(WorkFault::Text("the title", 200)));
        check(WorkOrder { title: "\u{1b}[2J".into(), ..order() }, Err(WorkFault::Text("the title", 200)));
        check(WorkOrder { title: "轴".repeat(200).into(), ..order() }, Ok(()));
        check(WorkOrder { title: "轴".repeat(201).into(), ..order() }, Err(WorkFault::Text("the title", 200)));
        check(WorkOrder { state: WorkState::Done, ..order() }, Err(WorkFault::NoFinding));
        check(WorkOrder { finding: Some("a\nb".into()), ..order() }, Ok(()));
        for quantity in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e7] {
            let parts = vec![Part { name: "6205".into(), quantity }];
            check(WorkOrder { parts, ..order() }, Err(WorkFault::Quantity));
        }
        let parts = vec![Part { name: "6205".into(), quantity: 1.0 }; 51];
        check(WorkOrder { parts, ..order() }, Err(WorkFault::Many("parts", 50)));
        check(WorkOrder { labour_min: Some(120_001), ..order() }, Err(WorkFault::Labour));
        let steps = vec![order().steps[0].clone(); 201];
        check(WorkOrder { steps, ..order() }, Err(WorkFault::Steps));
    }

    #[test]
    fn a_photo_is_named_by_what_it_holds() {
        let id = PhotoId(std::array::from_fn(|i| i as u8 * 7));
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "0", "../../etc/passwd", &"g".repeat(64), &"A".repeat(64), &"0".repeat(66), &"é".repeat(32)] {
            assert_eq!(bad.parse::<PhotoId>(), Err(PhotoIdError), "{bad}");
        }
    }

    #[test]
    fn an_alarm_of_a_bearing_names_its_fault() {
        let point: PointId = "s/m/p".parse().unwrap();
        let of = |condition| WorkOrigin::Alarm {
            key: AlarmKey { machine: point.machine(), point: Some(point.clone()), condition },
            raised: Timestamp::MIN,
        };
        let bearing = of(AlarmCondition::Bearing("DE".parse().unwrap(), BearingFault::OuterRace));
        assert_eq!(bearing.fault(), Some(Fault::Bearing(BearingFault::OuterRace)));
        assert_eq!(of(AlarmCondition::High).fault(), None);
        assert_eq!(WorkOrigin::Diagnosis(Fault::Rub).fault(), Some(Fault::Rub));
    }
}
