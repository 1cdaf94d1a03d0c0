//! Who may do what, where: roles, rights and areas, and the decision over them. Pure words; who asks, and how that is
//! known, is for the edges.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::{IdError, Machine, MachineId, Name};

/// What an account is for. Each role may do everything that the one before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Looks.
    Viewer,
    /// Works with the alarms of a shift.
    Operator,
    /// Sets up what is watched.
    Engineer,
    /// Says who may do what.
    Administrator,
}

impl Role {
    /// Every role, the one that may least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Engineer, Self::Administrator];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Engineer => "engineer",
            Self::Administrator => "administrator",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == s)
    }

    /// Whether this role has `right`.
    #[must_use]
    pub fn has(self, right: Right) -> bool {
        self >= right.least()
    }

    /// The rights of this role.
    pub fn rights(self) -> impl Iterator<Item = Right> {
        Right::ALL.into_iter().filter(move |r| self.has(*r))
    }
}

/// Something that may be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// See values, alarms, verdicts.
    View,
    /// Act on alarms (acknowledge, shelve), and say what was found at a machine.
    Operate,
    /// Change what is watched and how: rules, limits, adoption, what waits in quarantine.
    Configure,
    /// Say which devices may connect, and issue their certificates.
    Devices,
    /// Accounts, sessions and tokens of others, the audit log.
    Administer,
}

impl Right {
    /// Every right.
    pub const ALL: [Self; 5] = [Self::View, Self::Operate, Self::Configure, Self::Devices, Self::Administer];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Operate => "operate",
            Self::Configure => "configure",
            Self::Devices => "devices",
            Self::Administer => "administer",
        }
    }

    /// The role that may least of those that have it.
    #[must_use]
    pub const fn least(self) -> Role {
        match self {
            Self::View => Role::Viewer,
            Self::Operate => Role::Operator,
            Self::Configure => Role::Engineer,
            Self::Devices | Self::Administer => Role::Administrator,
        }
    }
}

/// A part of the plant: a site, or one area of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Area {
    /// The site.
    pub site: Name,
    /// The ISA-95 area within it; `None`: all of the site.
    pub area: Option<Name>,
}

impl Area {
    /// Whether a machine of `site` and `area` lies in it.
    fn holds(&self, site: &str, area: Option<&str>) -> bool {
        self.site.as_str() == site && self.area.as_ref().is_none_or(|own| Some(own.as_str()) == area)
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.area {
            Some(area) => write!(f, "{}/{area}", self.site),
            None => fmt::Display::fmt(&self.site, f),
        }
    }
}

impl FromStr for Area {
    type Err = IdError;
    fn from_str(s: &str) -> Result<Self, IdError> {
        match s.split_once('/') {
            Some((site, area)) => Ok(Self { site: Name::new(site)?, area: Some(Name::new(area)?) }),
            None => Ok(Self { site: Name::new(s)?, area: None }),
        }
    }
}

/// Where rights hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Areas {
    /// In the whole plant, for what belongs to no machine, and for the platform itself.
    All,
    /// In these parts of it, and nowhere else.
    Some(BTreeSet<Area>),
}

impl Areas {
    /// The most parts that are named.
    pub const MOST: usize = 64;

    /// Whether a machine of `site` and `area` lies in them.
    #[must_use]
    pub fn hold(&self, site: &str, area: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Some(parts) => parts.iter().any(|part| part.holds(site, area)),
        }
    }
}

/// Of what something is asked.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// Of the plant as a whole, or of what belongs to no machine of it.
    Plant,
    /// Of one machine. One that the plant does not know has no area: only the site counts.
    Machine(&'a MachineId, Option<&'a Machine>),
    /// Of what is shown to everybody as far as it is theirs, and filtered by whoever shows it.
    Anything,
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The role does not have it.
    Right(Right),
    /// It has, elsewhere.
    Area,
}

/// Whether `role`, with rights in `areas`, may do what needs `right` with `subject`.
///
/// # Errors
/// With what is missing.
pub fn may(role: Role, areas: &Areas, right: Right, subject: Subject<'_>) -> Result<(), Denied> {
    if !role.has(right) {
        return Err(Denied::Right(right));
    }
    let inside = match subject {
        Subject::Anything => true,
        Subject::Plant => *areas == Areas::All,
        Subject::Machine(id, machine) => {
            let area = machine.and_then(|m| m.area.as_ref()).map(Name::as_str);
            areas.hold(id.site(), area)
        }
    };
    if inside { Ok(()) } else { Err(Denied::Area) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn areas(parts: &[&str]) -> Areas {
        Areas::Some(parts.iter().map(|p| p.parse().unwrap()).collect())
    }

    #[test]
    fn each_role_may_what_the_one_before_it_may_and_names_are_read_back() {
        for pair in Role::ALL.windows(2) {
            let more: Vec<_> = pair[1].rights().collect();
            assert!(pair[0].rights().all(|r| more.contains(&r)), "{pair:?}");
        }
        let of = |role: Role| role.rights().map(Right::as_str).collect::<Vec<_>>().join(" ");
        let found = Role::ALL.map(of);
        let all = "view operate configure devices administer";
        assert_eq!(found, ["view", "view operate", "view operate configure", all]);
        assert!(Role::ALL.iter().all(|r| Role::parse(r.as_str()) == Some(*r)));
        assert_eq!(Role::parse("root"), None);
    }

    #[test]
    fn areas_hold_their_machines_and_no_others() {
        let hall: MachineId = "s/fan".parse().unwrap();
        let mut fan = Machine::bare(hall.clone());
        fan.area = Some(Name::new("mill").unwrap());
        let sees = |parts: &Areas, machine: Option<&Machine>| {
            may(Role::Viewer, parts, Right::View, Subject::Machine(&hall, machine)).is_ok()
        };
        for (parts, known, unknown) in [
            (Areas::All, true, true),
            (areas(&["s"]), true, true),
            (areas(&["s/mill"]), true, false),
            (areas(&["t", "s/mill"]), true, false),
            (areas(&["s/mil"]), false, false),
            (areas(&["t/mill"]), false, false),
            (areas(&[]), false, false),
        ] {
            assert_eq!((sees(&parts, Some(&fan)), sees(&parts, None)), (known, unknown), "{parts:?}");
        }
        assert!(!areas(&["s"]).hold("$danxia", None), "the platform belongs to no area");
    }

    #[test]
    fn the_plant_as_a_whole_is_for_those_who_have_all_of_it() {
        let some = areas(&["s"]);
        let ask = |areas: &Areas, role, right, subject| may(role, areas, right, subject);
        assert_eq!(ask(&Areas::All, Role::Engineer, Right::Configure, Subject::Plant), Ok(()));
        assert_eq!(ask(&some, Role::Engineer, Right::Configure, Subject::Plant), Err(Denied::Area));
        assert_eq!(ask(&some, Role::Viewer, Right::View, Subject::Anything), Ok(()));
        let denied = ask(&some, Role::Operator, Right::Configure, Subject::Plant);
        assert_eq!(denied, Err(Denied::Right(Right::Configure)), "the right is asked for first");
    }

    #[test]
    fn areas_are_written_as_they_are_read() {
        for s in ["韶钢", "s/mill"] {
            assert_eq!(s.parse::<Area>().unwrap().to_string(), s);
        }
        for bad in ["", "/", "s/", "/a", "s/a/b", "s/#"] {
            assert!(bad.parse::<Area>().is_err(), "{bad}");
        }
    }
}
