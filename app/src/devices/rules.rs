//! What a device may be called, and what its role lets it do.

use broker::{Places, ROLES, Rights, RightsError, Role};
use historian::{Device, OwnPatterns};
use plant::Name;

use super::DeviceError;
use super::own::{self, OwnError};

/// The role of what were users before there were devices: everything but what only the platform publishes. It is not given
/// to new devices.
pub const UNRESTRICTED: &str = "unrestricted";

/// What only the platform publishes, whoever may publish everything else ([`collector::wire::published`]).
pub(super) const OURS: [&str; 2] = ["danxia/v1/+/+/indicator/#", "danxia/v1/+/+/alarm/#"];

/// The rights of those who may do everything: a trial's clients, and what were users before there were devices.
pub fn everything() -> Rights {
    Rights { except: OURS.map(str::to_owned).to_vec(), ..Rights::everything() }
}

/// Longest note, in characters.
const NOTE: usize = 200;

/// A device as somebody asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewDevice {
    /// Its name: user name, and common name of its certificates.
    pub name: String,
    /// The name of a role.
    pub role: String,
    /// The site.
    pub site: String,
    /// The group; that of Sparkplug is the site where nothing is said.
    pub group: Option<String>,
    /// What people want to note.
    pub note: String,
    /// What it may do beside its role.
    pub own: OwnPatterns,
}

impl NewDevice {
    /// Checks every field; what comes out is what goes into the register. The rights that the role gives it exist.
    pub fn checked(mut self) -> Result<Self, DeviceError> {
        let role = self.role.trim();
        let Some(role) = Role::named(role) else {
            return Err(DeviceError::Invalid(format!("there is no role {role:?}; expected one of {}", roles())));
        };
        role.name.clone_into(&mut self.role);
        self.name = part("device", &self.name)?;
        if self.name == "anonymous" {
            return Err(DeviceError::Invalid("the name \"anonymous\" is taken by clients without a name".into()));
        }
        self.site = part("site", &self.site)?;
        self.group = match self.group.as_deref().map(str::trim).filter(|g| !g.is_empty()) {
            Some(g) => Some(part("group", g)?),
            None => (role.name == "sparkplug-node").then(|| self.site.clone()),
        };
        self.note = self.note.trim().to_owned();
        if self.note.chars().count() > NOTE || self.note.chars().any(char::is_control) {
            return Err(DeviceError::Invalid(format!(
                "the note has {} characters; expected at most {NOTE}, none of them control",
                self.note.chars().count()
            )));
        }
        let places = Places { device: Some(&self.name), site: Some(&self.site), group: self.group.as_deref() };
        role.fill(&places)?;
        self.own = own::tidied(self.own);
        own::rights(&self.own, &places)?;
        Ok(self)
    }
}

fn roles() -> String {
    ROLES.iter().map(|r| r.name).collect::<Vec<_>>().join(", ")
}

/// A level of a topic that also goes into a certificate and a command line.
fn part(what: &'static str, text: &str) -> Result<String, DeviceError> {
    let text = text.trim();
    let invalid = |why: String| DeviceError::Invalid(format!("{what} name {text:?}: {why}"));
    Name::new(text).map_err(|e| invalid(e.to_string()))?;
    if text.starts_with('$') {
        return Err(invalid("names that begin with '$' belong to the broker".into()));
    }
    Ok(text.to_owned())
}

/// What a device may do: what its role says, and patterns of its own. A role that is not known here (its own, later
/// removed) lets nobody in.
pub fn rights(device: &Device) -> Result<Rights, DeviceError> {
    let mut rights = by_role(device)?;
    rights.extend(own(device)?);
    rights.check()?;
    Ok(rights)
}

fn places(device: &Device) -> Places<'_> {
    let some = |name: &str| !name.is_empty();
    let (site, group) = (Some(&*device.site).filter(|s| some(s)), Some(&*device.group).filter(|g| some(g)));
    Places { device: Some(&device.name), site, group }
}

/// What a device may do beside its role.
pub fn own(device: &Device) -> Result<Rights, OwnError> {
    own::rights(&device.own, &places(device))
}

fn by_role(device: &Device) -> Result<Rights, RightsError> {
    if device.role == UNRESTRICTED {
        return Ok(everything());
    }
    let nothing = Role { name: "", about: "", publish: &[], except: &[], subscribe: &[], monitor: false };
    let role = Role::named(&device.role).unwrap_or(&nothing);
    role.fill(&places(device))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str, role: &str, site: &str) -> NewDevice {
        NewDevice { name: name.into(), role: role.into(), site: site.into(), ..NewDevice::default() }
    }

    #[test]
    fn names_and_roles_that_are_none_are_said() {
        let check = |new: NewDevice, words: &str| {
            let said = new.clone().checked().expect_err(words).to_string();
            assert!(said.contains(words), "{new:?} was answered with {said:?}");
        };
        for bad in ["a/b", "a+", "#", "a\nb"] {
            check(new(bad, "device", "s"), "leave out");
            check(new("a", "device", bad), "leave out");
        }
        check(new("", "device", "s"), "empty");
        check(new("a", "device", " "), "empty");
        check(new(&"x".repeat(129), "device", "s"), "128 at most");
        check(new("$SYS", "device", "s"), "belong to the broker");
        check(new("anonymous", "device", "s"), "is taken");
        check(new("a", "boss", "s"), "device, sparkplug-node, gateway, reader, monitor");
        check(new("a", UNRESTRICTED, "s"), "there is no role");
        check(NewDevice { note: "x".repeat(201), ..new("a", "device", "s") }, "at most 200");
        check(NewDevice { group: Some("g/h".into()), ..new("a", "device", "s") }, "group name");
    }

    #[test]
    fn what_is_asked_for_is_trimmed_and_a_sparkplug_node_is_of_its_sites_group() {
        let d = new(" 压机一 ", "device", " 韶钢 ").checked().unwrap();
        assert_eq!((d.name.as_str(), d.site.as_str(), d.group), ("压机一", "韶钢", None));
        assert_eq!(new("n", "sparkplug-node", "s").checked().unwrap().group.as_deref(), Some("s"));
        let named = NewDevice { group: Some("G".into()), ..new("n", "sparkplug-node", "s") };
        assert_eq!(named.checked().unwrap().group.as_deref(), Some("G"));
    }

    #[test]
    fn what_only_the_platform_publishes_is_nobody_elses() {
        use collector::topic::Topic;
        use collector::wire::published::Kind;
        let machine = plant::MachineId::new("s", "m").unwrap();
        let places = Places { device: Some("m"), site: Some("s"), group: Some("s") };
        let roles = ROLES.iter().map(|role| (role.name, role.fill(&places).unwrap()));
        for (role, rights) in roles.chain([("everything", everything())]) {
            assert_eq!(rights.check(), Ok(()));
            for kind in [Kind::Indicator, Kind::Alarm, Kind::AlarmState] {
                let topic = Topic::Published(machine.clone(), kind).to_string();
                assert!(!rights.may_publish(&topic), "{role} {topic}");
            }
            let telemetry = rights.may_publish("danxia/v1/s/m/telemetry");
            assert_eq!(telemetry, ["device", "gateway", "everything"].contains(&role), "{role}");
        }
    }

    /// Machine m of site s as it stands in the register.
    fn stored(role: &str, own: OwnPatterns) -> Device {
        Device {
            name: "m".into(),
            role: role.into(),
            site: "s".into(),
            group: String::new(),
            note: String::new(),
            created: plant::Timestamp::from_secs(0),
            revoked: None,
            hash: None,
            certificates: Vec::new(),
            own,
        }
    }

    #[test]
    fn rights_follow_the_role_and_an_unknown_one_has_none() {
        let device = |role: &str| stored(role, OwnPatterns::default());
        assert_eq!(rights(&device(UNRESTRICTED)).unwrap(), everything());
        assert_eq!(rights(&device("device")).unwrap().publish, ["danxia/v1/s/m/#"]);
        assert_eq!(rights(&device("boss")).unwrap(), Rights::default());
        assert!(rights(&device("sparkplug-node")).is_err(), "without a group");
    }

    #[test]
    fn patterns_of_its_own_add_to_the_role_and_to_nothing_that_is_the_platforms() {
        for role in ["device", "gateway", "reader", "monitor", "boss"] {
            let device = |publish: &str, subscribe: &str| {
                let own = OwnPatterns { publish: vec![publish.into()], subscribe: vec![subscribe.into()] };
                stored(role, own::tidied(own))
            };
            let (before, after) = (rights(&device("", "")).unwrap(), rights(&device("gw/{device}/#", "#")).unwrap());
            assert!(after.may_publish("gw/m/x") && !after.may_publish("gw/n/x") && !before.may_publish("gw/m/x"));
            assert!(after.may_subscribe("#") && !before.may_subscribe("#"), "{role}");
            for topic in ["danxia/v1/s/m/telemetry", "danxia/v1/s/n/telemetry", "spBv1.0/s/NDATA/m"] {
                assert_eq!(after.may_publish(topic), before.may_publish(topic), "{role} {topic}");
            }
            for topic in ["indicator", "indicator/x", "alarm", "alarm/state"].map(|t| format!("danxia/v1/s/m/{t}")) {
                assert!(!after.may_publish(&topic), "{role} {topic}");
            }
            assert!(OURS.iter().all(|ours| after.except.iter().any(|e| e == ours)), "whatever the pattern says");
            assert_eq!(after.monitor, before.monitor);
            // What stands in the register although it may not be there lets nobody in.
            assert!(matches!(rights(&device("danxia/#", "")), Err(DeviceError::Own(_))), "{role}");
        }
    }

    #[test]
    fn a_new_device_is_asked_for_with_patterns_that_fit_it() {
        let own = |pattern: &str| OwnPatterns { publish: vec![pattern.into()], ..OwnPatterns::default() };
        let asked = |pattern: &str| NewDevice { own: own(pattern), ..new("m", "device", "s") }.checked();
        assert_eq!(asked(" gw/{site}/# ").unwrap().own, own("gw/{site}/#"), "kept as a template");
        for bad in ["#", "danxia/#", "$SYS/x", "gw/{group}"] {
            assert!(matches!(asked(bad), Err(DeviceError::Own(_))), "{bad}");
        }
    }
}
