//! What keeps an alarm from people, after IEC 62682: shelved by an operator, suppressed by design, out of service.

use std::sync::Arc;
use std::time::Duration;

use crate::{Timestamp, Trigger};

/// What keeps an alarm from people beside its state; the three are independent of each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inhibition {
    /// An operator has put it aside for a while.
    pub shelved: Option<Shelving>,
    /// What its design says: the expression that holds.
    pub suppressed: Option<Arc<str>>,
    /// Maintenance has taken it out of service, without an end.
    pub out_of_service: Option<OutOfService>,
}

/// See [`Inhibition::shelved`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shelving {
    /// From when on it is shown again.
    pub until: Timestamp,
    /// Why it was put aside.
    pub reason: Arc<str>,
    /// Who did.
    pub by: Arc<str>,
    /// When.
    pub since: Timestamp,
}

impl Shelving {
    /// Nothing is shelved for longer than this: what has to be away for longer is out of service.
    pub const LONGEST: Duration = Duration::from_secs(24 * 3_600);
}

/// See [`Inhibition::out_of_service`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfService {
    /// Why.
    pub reason: Arc<str>,
    /// Who took it out.
    pub by: Arc<str>,
    /// Who allowed that.
    pub approved_by: Arc<str>,
    /// When.
    pub since: Timestamp,
}

/// The inhibition under which an alarm is listed: the one that lasts longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Inhibited {
    /// Out of service.
    OutOfService,
    /// Suppressed by design.
    Suppressed,
    /// Shelved.
    Shelved,
}

impl Inhibited {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::OutOfService, Self::Suppressed, Self::Shelved];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OutOfService => "out_of_service",
            Self::Suppressed => "suppressed",
            Self::Shelved => "shelved",
        }
    }

    /// From the stable name.
    #[must_use]
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|i| i.as_str() == s)
    }
}

impl Inhibition {
    /// Under which the alarm is listed; `None`: people are told.
    #[must_use]
    pub const fn outermost(&self) -> Option<Inhibited> {
        match self {
            Self { out_of_service: Some(_), .. } => Some(Inhibited::OutOfService),
            Self { suppressed: Some(_), .. } => Some(Inhibited::Suppressed),
            Self { shelved: Some(_), .. } => Some(Inhibited::Shelved),
            _ => None,
        }
    }

    /// Takes in what the journal says happened at `t`.
    pub fn take(&mut self, trigger: &Trigger, t: Timestamp) {
        match trigger {
            Trigger::Shelved { by, until, reason } => {
                self.shelved = Some(Shelving { until: *until, reason: reason.clone(), by: by.clone(), since: t });
            }
            Trigger::Unshelved { .. } => self.shelved = None,
            Trigger::Suppressed { because } => self.suppressed = Some(because.clone()),
            Trigger::Unsuppressed => self.suppressed = None,
            Trigger::OutOfService { by, approved_by, reason } => {
                let (reason, by, approved_by) = (reason.clone(), by.clone(), approved_by.clone());
                self.out_of_service = Some(OutOfService { reason, by, approved_by, since: t });
            }
            Trigger::InService { .. } => self.out_of_service = None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_lasting_inhibition_is_shown_and_each_ends_by_itself() {
        let mut i = Inhibition::default();
        let t = Timestamp::from_secs(1);
        assert_eq!(i.outermost(), None);
        let (by, reason): (Arc<str>, Arc<str>) = ("lin".into(), "tested".into());
        i.take(&Trigger::Shelved { by: by.clone(), until: Timestamp::from_secs(9), reason: reason.clone() }, t);
        assert_eq!(i.outermost(), Some(Inhibited::Shelved));
        i.take(&Trigger::Suppressed { because: "s/m/speed < 50".into() }, t);
        assert_eq!(i.outermost(), Some(Inhibited::Suppressed));
        i.take(&Trigger::OutOfService { by: by.clone(), approved_by: "he".into(), reason }, t);
        assert_eq!(i.outermost(), Some(Inhibited::OutOfService));
        i.take(&Trigger::Raised, t);
        i.take(&Trigger::Unsuppressed, t);
        i.take(&Trigger::InService { by: by.clone() }, t);
        assert_eq!(i.outermost(), Some(Inhibited::Shelved));
        i.take(&Trigger::Unshelved { by: None }, t);
        assert_eq!(i, Inhibition::default());
    }

    #[test]
    fn names_round_trip() {
        for i in Inhibited::ALL {
            assert_eq!(Inhibited::parse(i.as_str()), Some(i));
        }
        assert_eq!(Inhibited::parse("asleep"), None);
    }
}
