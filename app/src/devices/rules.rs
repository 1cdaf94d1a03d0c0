//! What a device may be called, and what its role lets it do.

use broker::{Places, ROLES, Rights, RightsError, Role};
use historian::Device;
use plant::Name;

use super::DeviceError;

/// The role of what were users before there were devices: everything but what only the platform publishes. It is not given to new devices.
pub const UNRESTRICTED: &str = "unrestricted";

/// What only the platform publishes, whoever may publish everything else ([`collector::wire::published`]).
const OURS: [&str; 2] = ["danxia/v1/+/+/indicator/#", "danxia/v1/+/+/alarm/#"];

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

/// What a device may do. A role that is not known here (its own, later removed) lets nobody in.
pub fn rights(device: &Device) -> Result<Rights, RightsError> {
    if device.role == UNRESTRICTED {
        return Ok(everything());
    }
    let nothing = Role { name: "", about: "", publish: &[], except: &[], subscribe: &[], monitor: false };
    let role = Role::named(&device.role).unwrap_or(&nothing);
    let some = |s: &'_ str| (!s.is_empty()).then_some(s.to_owned());
    let (site, group) = (some(&device.site), some(&device.group));
    role.fill(&Places { device: Some(&device.name), site: site.as_deref(), group: group.as_deref() })
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

    #[test]
    fn rights_follow_the_role_and_an_unknown_one_has_none() {
        let device = |role: &str| Device {
            name: "m".into(),
            role: role.into(),
            site: "s".into(),
            group: String::new(),
            note: String::new(),
            created: plant::Timestamp::from_secs(0),
            revoked: None,
            hash: None,
            certificates: Vec::new(),
        };
        assert_eq!(rights(&device(UNRESTRICTED)).unwrap(), everything());
        assert_eq!(rights(&device("device")).unwrap().publish, ["danxia/v1/s/m/#"]);
        assert_eq!(rights(&device("boss")).unwrap(), Rights::default());
        assert!(rights(&device("sparkplug-node")).is_err(), "without a group");
    }
}
