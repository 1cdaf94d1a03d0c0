//! Names and identities: site / machine / point, after the equipment hierarchy of ISA-95.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Longest name of a site, machine or indicator, in bytes (42 Chinese characters).
const NAME_MAX: usize = 128;
/// The site of the platform's own affairs. No device may speak for it.
const OURS: &str = "$danxia";
/// Longest name of a point, in bytes; Sparkplug metric names carry folders.
const POINT_MAX: usize = 256;

/// What is wrong with a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing between two slashes, or nothing at all.
    #[error("a {0} name is empty: give it at least one character")]
    Empty(&'static str),
    /// Longer than a name may be.
    #[error("the {what} name is {found} bytes long, {max} at most: shorten it")]
    TooLong {
        /// Which segment.
        what: &'static str,
        /// Its length in bytes.
        found: usize,
        /// What is allowed.
        max: usize,
    },
    /// A character that a topic or a path could not carry.
    #[error(
        "the {what} name {name:?} holds {found:?}: leave out control characters, '+', '#' and (outside points) '/'"
    )]
    Forbidden {
        /// Which segment.
        what: &'static str,
        /// The name as given.
        name: String,
        /// The first character that is not allowed.
        found: char,
    },
    /// Too few segments.
    #[error("{found:?} is not {expected}")]
    Shape {
        /// The form that was expected.
        expected: &'static str,
        /// The text as given.
        found: String,
    },
}

fn check(what: &'static str, s: &str, slash: bool) -> Result<(), IdError> {
    let max = if slash { POINT_MAX } else { NAME_MAX };
    if s.is_empty() {
        return Err(IdError::Empty(what));
    }
    if s.len() > max {
        return Err(IdError::TooLong { what, found: s.len(), max });
    }
    match s.chars().find(|c| c.is_control() || matches!(c, '+' | '#') || (*c == '/' && !slash)) {
        Some(found) => Err(IdError::Forbidden { what, name: s.to_owned(), found }),
        None => Ok(()),
    }
}

/// One checked name: 1 to 128 bytes of UTF-8 without `/`, `+`, `#` or control characters. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// Checks and takes `s`.
    pub fn new(s: &str) -> Result<Self, IdError> {
        check("", s, false)?;
        Ok(Self(s.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A machine: `site/machine`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineId(Arc<str>);

impl MachineId {
    /// From its two names.
    pub fn new(site: &str, machine: &str) -> Result<Self, IdError> {
        check("site", site, false)?;
        check("machine", machine, false)?;
        Ok(Self(format!("{site}/{machine}").into()))
    }

    /// The platform itself, where an alarm or an event is about it and not about a machine.
    #[must_use]
    pub fn platform() -> Self {
        Self(format!("{OURS}/platform").into())
    }

    /// Whether it lies at the site of the platform's own affairs: no machine is called so.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.site() == OURS
    }

    /// The site's name.
    #[must_use]
    pub fn site(&self) -> &str {
        &self.0[..self.slash()]
    }

    /// The machine's own name, without the site.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0[self.slash() + 1..]
    }

    /// `site/machine`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The point called `name` on this machine.
    pub fn point(&self, name: &str) -> Result<PointId, IdError> {
        check("point", name, true)?;
        Ok(PointId { text: format!("{}/{name}", self.0).into(), machine: self.0.len() as u16 })
    }

    fn slash(&self) -> usize {
        // The constructor put one there.
        self.0.find('/').unwrap_or(0)
    }
}

/// A measuring point: `site/machine/point`, where the point's own name may hold further slashes. Cheap to clone.
#[derive(Clone)]
pub struct PointId {
    text: Arc<str>,
    /// Length of the `site/machine` prefix in bytes.
    machine: u16,
}

impl PointId {
    /// From its three names.
    pub fn new(site: &str, machine: &str, point: &str) -> Result<Self, IdError> {
        MachineId::new(site, machine)?.point(point)
    }

    /// The machine it sits on.
    #[must_use]
    pub fn machine(&self) -> MachineId {
        MachineId(self.machine_str().into())
    }

    /// `site/machine`, without allocating.
    #[must_use]
    pub fn machine_str(&self) -> &str {
        &self.text[..usize::from(self.machine)]
    }

    /// The point's own name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.text[usize::from(self.machine) + 1..]
    }

    /// `site/machine/point`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

// Two points are the same where their texts are: neither `site` nor `machine` can hold a slash, so the text decides.
impl PartialEq for PointId {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
impl Eq for PointId {}
impl PartialOrd for PointId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for PointId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}
impl std::hash::Hash for PointId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// What one time series is about: a point's own values, or an indicator computed from them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey {
    /// The point.
    pub point: PointId,
    /// `None` for what the machine published, the indicator's name (`velocity_rms`) for what was computed.
    pub indicator: Option<Name>,
}

impl SeriesKey {
    /// The values that the machine itself published.
    #[must_use]
    pub fn raw(point: PointId) -> Self {
        Self { point, indicator: None }
    }

    /// The values of `indicator`, computed from `point`.
    #[must_use]
    pub fn indicator(point: PointId, indicator: Name) -> Self {
        Self { point, indicator: Some(indicator) }
    }
}

impl FromStr for Name {
    type Err = IdError;
    fn from_str(s: &str) -> Result<Self, IdError> {
        Self::new(s)
    }
}

impl FromStr for MachineId {
    type Err = IdError;
    fn from_str(s: &str) -> Result<Self, IdError> {
        match s.split_once('/') {
            Some((site, machine)) => Self::new(site, machine),
            None => Err(IdError::Shape { expected: "SITE/MACHINE", found: s.to_owned() }),
        }
    }
}

impl FromStr for PointId {
    type Err = IdError;
    fn from_str(s: &str) -> Result<Self, IdError> {
        let mut parts = s.splitn(3, '/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(site), Some(machine), Some(point)) => Self::new(site, machine, point),
            _ => Err(IdError::Shape { expected: "SITE/MACHINE/POINT", found: s.to_owned() }),
        }
    }
}

macro_rules! text {
    ($($t:ty),*) => {$(
        impl fmt::Display for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl fmt::Debug for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }
        impl AsRef<str> for $t {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }
        // Equality and hash are those of the text, so a map keyed by these can be asked with a &str.
        impl Borrow<str> for $t {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }
    )*};
}
text!(Name, MachineId, PointId);

#[cfg(test)]
mod tests {
    use super::*;

    fn point(s: &str) -> Result<(String, String), IdError> {
        s.parse::<PointId>().map(|p| (p.machine().to_string(), p.name().to_owned()))
    }

    #[test]
    fn points_parse_and_display_alike() {
        for s in ["a/b/c", "韶钢/三号风机/振动_驱动端", "g/edge.dev/Folder/Metric 1"] {
            assert_eq!(s.parse::<PointId>().unwrap().to_string(), s);
        }
        assert_eq!(point("g/e/Folder/Metric").unwrap(), ("g/e".into(), "Folder/Metric".into()));
    }

    #[test]
    fn bad_names_say_what_is_wrong() {
        assert_eq!(point("a/b"), Err(IdError::Shape { expected: "SITE/MACHINE/POINT", found: "a/b".into() }));
        assert_eq!(point("/b/c"), Err(IdError::Empty("site")));
        assert_eq!(point("a/b/"), Err(IdError::Empty("point")));
        assert!(matches!(point("a/b+/c"), Err(IdError::Forbidden { found: '+', .. })));
        assert!(matches!(point("a/b/c\n"), Err(IdError::Forbidden { found: '\n', .. })));
        let long = format!("a/{}/c", "x".repeat(129));
        assert!(matches!(point(&long), Err(IdError::TooLong { found: 129, max: 128, .. })));
    }

    #[test]
    fn the_platform_has_a_name_of_its_own() {
        let platform = MachineId::platform();
        assert_eq!(platform.to_string().parse(), Ok(platform.clone()));
        assert!(platform.is_ours() && !"danxia/platform".parse::<MachineId>().unwrap().is_ours());
    }

    #[test]
    fn a_map_keyed_by_points_answers_to_text() {
        let mut m = std::collections::HashMap::new();
        m.insert("a/b/c".parse::<PointId>().unwrap(), 1);
        assert_eq!(m.get("a/b/c"), Some(&1));
    }
}
