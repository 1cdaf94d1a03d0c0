//! How an alarm is meant: what it compares, how patient it is, what people are to do, and why it exists (the record of its
//! rationalisation, IEC 62682).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::{AlarmCondition, AlarmKey, Priority};
use crate::{Name, PointId, Title, Value};

/// An alarm as an engineer has defined it. What is not defined is watched as the point's limits and the platform's own
/// rules say.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmDefinition {
    /// Which alarm.
    pub key: AlarmKey,
    /// What is compared.
    pub test: AlarmTest,
    /// How long the condition must hold before it is announced, by the source's time.
    pub on_delay: Duration,
    /// How long it must be gone before it is cleared.
    pub off_delay: Duration,
    /// How far the value must come back, in its unit; `None`: the platform's usual part of the span.
    pub deadband: Option<f64>,
    /// How urgent; `None`: as the condition usually is.
    pub priority: Option<Priority>,
    /// Whether it stays after it has ended until somebody resets it.
    pub latching: bool,
    /// After this long it is announced anew, where it was acknowledged and still holds.
    pub re_alarm: Option<Duration>,
    /// How long people have to respond.
    pub respond_within: Option<Duration>,
    /// What happens where nobody does.
    pub consequence: Title,
    /// What to do.
    pub action: Title,
    /// Why it exists.
    pub rationale: Title,
    /// Alarms of one group have a first: the one that came before the others.
    pub group: Option<Name>,
    /// Who answers for the definition.
    pub owner: Option<Arc<str>>,
    /// While any of these holds, nobody is told (suppressed by design).
    pub suppressed_while: Vec<Suppressor>,
}

/// What an alarm compares.
#[derive(Clone, Debug, PartialEq)]
pub enum AlarmTest {
    /// As the platform does: the point's own limit, a zone, silence, …
    Usual,
    /// The value against this limit, in place of the point's own.
    Limit(f64),
    /// How fast the value changes, up or down, over this time; in its unit per second.
    Rate {
        /// The fastest it may.
        per_s: f64,
        /// Over which it is measured.
        over: Duration,
    },
    /// How far the value is from where it should be, up or down, in its unit.
    Deviation {
        /// Where it should be.
        from: Reference,
        /// The furthest it may be.
        limit: f64,
    },
    /// The states that call people.
    Discrete(Vec<Value>),
}

/// Where a value should be.
#[derive(Clone, Debug, PartialEq)]
pub enum Reference {
    /// Always here.
    Fixed(f64),
    /// Where this point is, its set point say; in the same unit.
    Point(PointId),
}

/// What silences an alarm by design.
#[derive(Clone, Debug, PartialEq)]
pub enum Suppressor {
    /// A point's value: a machine that is off, a valve that is closed.
    Point {
        /// Which.
        point: PointId,
        /// How it is compared.
        is: Comparison,
        /// With what, in its unit.
        than: f64,
    },
    /// Another alarm stands: the trip upstream.
    Alarm(AlarmKey),
}

/// How two numbers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Below,
    /// `>`
    Above,
    /// `=`
    Equal,
}

impl Comparison {
    /// Every comparison.
    pub const ALL: [Self; 3] = [Self::Below, Self::Above, Self::Equal];

    /// Its sign.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::Above => ">",
            Self::Equal => "=",
        }
    }

    /// From its sign.
    #[must_use]
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.sign() == s)
    }

    /// Whether it holds.
    #[must_use]
    pub fn holds(self, value: f64, than: f64) -> bool {
        match self {
            Self::Below => value < than,
            Self::Above => value > than,
            Self::Equal => value == than,
        }
    }
}

impl fmt::Display for Suppressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Point { point, is, than } => write!(f, "{point} {} {than}", is.sign()),
            Self::Alarm(key) => match &key.point {
                Some(point) => write!(f, "{point} {}", key.condition.code()),
                None => write!(f, "{} {}", key.machine, key.condition.code()),
            },
        }
    }
}

/// Not what silences an alarm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} silences nothing; expected `site/machine/point < number` (or `>`, `=`), or `site/machine/point condition`"
)]
pub struct SuppressorError(String);

/// As it is displayed.
impl FromStr for Suppressor {
    type Err = SuppressorError;
    fn from_str(s: &str) -> Result<Self, SuppressorError> {
        let parse = || {
            let (before, last) = s.trim().rsplit_once(' ')?;
            let (place, sign) = before.trim_end().rsplit_once(' ').unwrap_or((before, ""));
            if let Some(is) = Comparison::parse(sign) {
                let than: f64 = last.parse().ok()?;
                return Some(Self::Point { point: place.trim().parse().ok()?, is, than });
            }
            let (condition, place) = (AlarmCondition::parse(last)?, before.trim());
            let key = match place.parse::<PointId>() {
                Ok(point) => AlarmKey { machine: point.machine(), point: Some(point), condition },
                Err(_) => AlarmKey { machine: place.parse().ok()?, point: None, condition },
            };
            Some(Self::Alarm(key))
        };
        parse().ok_or_else(|| SuppressorError(s.to_owned()))
    }
}

/// A change of the definitions.
#[derive(Clone, Debug, PartialEq)]
pub enum AlarmChange {
    /// The alarm is now meant like this.
    Define(Box<AlarmDefinition>),
    /// It is as if it had never been defined.
    Forget(AlarmKey),
}

/// Why a definition makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionFault {
    /// The test is of another condition.
    #[error(
        "the test does not fit the condition: a limit is of high_high, high, low and low_low, every other test of its own"
    )]
    Test,
    /// The condition needs a test of its own.
    #[error("rate, deviation and discrete need a test: nothing says what is compared")]
    NoTest,
    /// It is of a point, and none is named.
    #[error("the condition is of a point: name it")]
    NoPoint,
    /// A number that is none, or below 0.
    #[error("a limit is no finite number, or a rate, deviation, deadband or time is not above 0")]
    Number,
    /// A delay longer than a day.
    #[error("a delay is longer than {} h", AlarmDefinition::LONGEST_DELAY.as_secs() / 3_600)]
    Delay,
    /// More of something than is kept.
    #[error("there are more than {} states or suppressors", AlarmDefinition::MOST)]
    Many,
    /// A text longer than is kept.
    #[error("a text is longer than {} characters", AlarmDefinition::LONGEST_TEXT)]
    Text,
    /// It suppresses itself.
    #[error("an alarm does not suppress itself")]
    Itself,
}

impl AlarmDefinition {
    /// The longest delay.
    pub const LONGEST_DELAY: Duration = Duration::from_secs(24 * 3_600);
    /// The most states or suppressors.
    pub const MOST: usize = 16;
    /// The longest text, characters.
    pub const LONGEST_TEXT: usize = 1_000;

    /// One that changes nothing.
    #[must_use]
    pub fn usual(key: AlarmKey) -> Self {
        Self {
            key,
            test: AlarmTest::Usual,
            on_delay: Duration::ZERO,
            off_delay: Duration::ZERO,
            deadband: None,
            priority: None,
            latching: false,
            re_alarm: None,
            respond_within: None,
            consequence: Title::default(),
            action: Title::default(),
            rationale: Title::default(),
            group: None,
            owner: None,
            suppressed_while: Vec::new(),
        }
    }

    /// Says what makes no sense, if anything does.
    pub fn check(&self) -> Result<(), DefinitionFault> {
        use AlarmCondition as C;
        match (&self.test, &self.key.condition) {
            (AlarmTest::Usual, C::Rate | C::Deviation | C::Discrete) => return Err(DefinitionFault::NoTest),
            (AlarmTest::Usual, _)
            | (AlarmTest::Limit(_), C::HighHigh | C::High | C::Low | C::LowLow)
            | (AlarmTest::Rate { .. }, C::Rate)
            | (AlarmTest::Deviation { .. }, C::Deviation)
            | (AlarmTest::Discrete(_), C::Discrete) => {}
            _ => return Err(DefinitionFault::Test),
        }
        if self.test != AlarmTest::Usual && self.key.point.is_none() {
            return Err(DefinitionFault::NoPoint);
        }
        if self.suppressed_while.iter().any(|s| matches!(s, Suppressor::Alarm(key) if *key == self.key)) {
            return Err(DefinitionFault::Itself);
        }
        self.check_sizes()
    }

    fn check_sizes(&self) -> Result<(), DefinitionFault> {
        let above = |v: f64| v.is_finite() && v > 0.0;
        let numbers = match &self.test {
            AlarmTest::Usual => true,
            AlarmTest::Limit(l) => l.is_finite(),
            AlarmTest::Rate { per_s, over } => above(*per_s) && !over.is_zero(),
            AlarmTest::Deviation { from, limit } => {
                above(*limit) && !matches!(from, Reference::Fixed(v) if !v.is_finite())
            }
            AlarmTest::Discrete(states) => !states.is_empty(),
        };
        let of_suppressor = |s: &Suppressor| !matches!(s, Suppressor::Point { than, .. } if !than.is_finite());
        let zero = |d: Option<Duration>| d.is_some_and(|d| d.is_zero());
        if !numbers
            || self.deadband.is_some_and(|d| !(d.is_finite() && d >= 0.0))
            || zero(self.re_alarm)
            || zero(self.respond_within)
            || !self.suppressed_while.iter().all(of_suppressor)
        {
            return Err(DefinitionFault::Number);
        }
        let over = match self.test {
            AlarmTest::Rate { over, .. } => over,
            _ => Duration::ZERO,
        };
        if [self.on_delay, self.off_delay, over].into_iter().any(|d| d > Self::LONGEST_DELAY) {
            return Err(DefinitionFault::Delay);
        }
        let states = if let AlarmTest::Discrete(states) = &self.test { states.len() } else { 0 };
        if states.max(self.suppressed_while.len()) > Self::MOST {
            return Err(DefinitionFault::Many);
        }
        let texts = [&self.consequence, &self.action, &self.rationale].into_iter().flat_map(|t| [&t.zh, &t.en]);
        let long = |t: &Arc<str>| t.chars().count() > Self::LONGEST_TEXT;
        if texts.chain([&self.owner]).flatten().any(long) {
            return Err(DefinitionFault::Text);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(condition: AlarmCondition) -> AlarmDefinition {
        let point: PointId = "s/m/p".parse().unwrap();
        AlarmDefinition::usual(AlarmKey { machine: point.machine(), point: Some(point), condition })
    }

    #[test]
    fn a_test_belongs_to_its_condition() {
        use AlarmCondition as C;
        let rate = AlarmTest::Rate { per_s: 1.0, over: Duration::from_secs(10) };
        let deviation = AlarmTest::Deviation { from: Reference::Fixed(0.0), limit: 1.0 };
        let discrete = AlarmTest::Discrete(vec![Value::Bool(true)]);
        let check = |condition: C, test: &AlarmTest, want| {
            let found = AlarmDefinition { test: test.clone(), ..of(condition.clone()) }.check();
            assert_eq!(found, want, "{condition:?} with {test:?}");
        };
        for condition in [C::HighHigh, C::High, C::Low, C::LowLow] {
            check(condition.clone(), &AlarmTest::Usual, Ok(()));
            check(condition.clone(), &AlarmTest::Limit(-3.0), Ok(()));
            check(condition.clone(), &rate, Err(DefinitionFault::Test));
            check(condition, &AlarmTest::Limit(f64::NAN), Err(DefinitionFault::Number));
        }
        for (condition, test) in [(C::Rate, &rate), (C::Deviation, &deviation), (C::Discrete, &discrete)] {
            check(condition.clone(), test, Ok(()));
            check(condition.clone(), &AlarmTest::Usual, Err(DefinitionFault::NoTest));
            check(condition, &AlarmTest::Limit(1.0), Err(DefinitionFault::Test));
        }
        check(C::Stale, &AlarmTest::Usual, Ok(()));
        check(C::Stale, &discrete, Err(DefinitionFault::Test));
        check(C::Discrete, &AlarmTest::Discrete(Vec::new()), Err(DefinitionFault::Number));
        let machine = AlarmDefinition { test: rate, ..of(C::Rate) };
        let key = AlarmKey { point: None, ..machine.key.clone() };
        assert_eq!(AlarmDefinition { key, ..machine }.check(), Err(DefinitionFault::NoPoint));
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let high = || of(AlarmCondition::High);
        let day = AlarmDefinition::LONGEST_DELAY;
        let second = Duration::from_secs(1);
        assert_eq!(AlarmDefinition { on_delay: day, ..high() }.check(), Ok(()));
        assert_eq!(AlarmDefinition { off_delay: day + second, ..high() }.check(), Err(DefinitionFault::Delay));
        assert_eq!(AlarmDefinition { deadband: Some(-1.0), ..high() }.check(), Err(DefinitionFault::Number));
        assert_eq!(AlarmDefinition { deadband: Some(0.0), ..high() }.check(), Ok(()));
        let zero = Some(Duration::ZERO);
        assert_eq!(AlarmDefinition { re_alarm: zero, ..high() }.check(), Err(DefinitionFault::Number));
        let action = Title { zh: None, en: Some("x".repeat(1_001).into()) };
        assert_eq!(AlarmDefinition { action, ..high() }.check(), Err(DefinitionFault::Text));
        let itself = vec![Suppressor::Alarm(high().key)];
        assert_eq!(AlarmDefinition { suppressed_while: itself, ..high() }.check(), Err(DefinitionFault::Itself));
        let many = vec![Suppressor::Alarm(of(AlarmCondition::Low).key); 17];
        assert_eq!(AlarmDefinition { suppressed_while: many, ..high() }.check(), Err(DefinitionFault::Many));
    }

    #[test]
    fn a_suppressor_says_what_it_compares() {
        let off = Suppressor::Point { point: "s/m/speed".parse().unwrap(), is: Comparison::Below, than: 50.0 };
        assert_eq!(off.to_string(), "s/m/speed < 50");
        assert_eq!(Suppressor::Alarm(of(AlarmCondition::HighHigh).key).to_string(), "s/m/p high_high");
        let offline = AlarmKey { point: None, ..of(AlarmCondition::Offline).key };
        for s in [off, Suppressor::Alarm(of(AlarmCondition::HighHigh).key), Suppressor::Alarm(offline)] {
            assert_eq!(s.to_string().parse(), Ok(s));
        }
        for bad in ["", "s/m/p", "s/m/p < x", "s/m/p high_highest", "p < 3", "s high"] {
            assert!(bad.parse::<Suppressor>().is_err(), "{bad}");
        }
        for c in Comparison::ALL {
            assert_eq!(Comparison::parse(c.sign()), Some(c));
        }
    }
}
