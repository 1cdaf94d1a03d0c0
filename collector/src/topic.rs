//! Topics as parsed types: what a topic says before its payload is opened.

use std::fmt;
use std::str::FromStr;

use plant::{IdError, MachineId, Name, PointId};

use crate::fault::{Code, Fault, shown};
use crate::wire::published;

const DANXIA: &str = "danxia/v1/";
const SPARKPLUG: &str = "spBv1.0/";
const HJ212: &str = "hj212/";

/// A topic that is understood here. `Display` is the inverse of `FromStr`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// `danxia/v1/{site}/{machine}/telemetry`.
    Telemetry(MachineId),
    /// `danxia/v1/{site}/{machine}/event`.
    Event(MachineId),
    /// `danxia/v1/{site}/{machine}/birth`.
    Birth(MachineId),
    /// `danxia/v1/{site}/{machine}/death`.
    Death(MachineId),
    /// `danxia/v1/{site}/{machine}/{point}/waveform`; the point's name may hold slashes.
    Waveform(PointId),
    /// `danxia/v1/{site}/{machine}/indicator`, `…/alarm` or `…/alarm/state`: what the platform itself publishes.
    Published(MachineId, published::Kind),
    /// `spBv1.0/{group}/{type}/{edge}[/{device}]`.
    Sparkplug(Sparkplug),
    /// `spBv1.0/STATE/{host}`: a host application announces itself.
    SparkplugState(Name),
    /// `hj212/{site}`: segments of HJ 212; the monitor's number is the machine.
    Hj212(Name),
}

/// What a Sparkplug topic addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sparkplug {
    /// The group: the site.
    pub group: Name,
    /// The edge node.
    pub edge: Name,
    /// Which message.
    pub kind: Kind,
}

/// The message types of Sparkplug B; those of a device name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The node is here; its metrics.
    NodeBirth,
    /// The node is gone.
    NodeDeath,
    /// Values of the node.
    NodeData,
    /// A command to the node.
    NodeCommand,
    /// The device is here; its metrics.
    DeviceBirth(Name),
    /// The device is gone.
    DeviceDeath(Name),
    /// Values of the device.
    DeviceData(Name),
    /// A command to the device.
    DeviceCommand(Name),
}

impl Kind {
    fn as_str(&self) -> &'static str {
        match self {
            Self::NodeBirth => "NBIRTH",
            Self::NodeDeath => "NDEATH",
            Self::NodeData => "NDATA",
            Self::NodeCommand => "NCMD",
            Self::DeviceBirth(_) => "DBIRTH",
            Self::DeviceDeath(_) => "DDEATH",
            Self::DeviceData(_) => "DDATA",
            Self::DeviceCommand(_) => "DCMD",
        }
    }

    /// The device, for the messages of one.
    #[must_use]
    pub const fn device(&self) -> Option<&Name> {
        match self {
            Self::DeviceBirth(d) | Self::DeviceDeath(d) | Self::DeviceData(d) | Self::DeviceCommand(d) => Some(d),
            Self::NodeBirth | Self::NodeDeath | Self::NodeData | Self::NodeCommand => None,
        }
    }

    fn parse(word: &str, device: Option<&str>) -> Result<Self, Fault> {
        let expected =
            "NBIRTH, NDEATH, NDATA or NCMD with an edge node, or DBIRTH, DDEATH, DDATA or DCMD with a device";
        let form = |found: String| Fault::new(Code::TopicInvalid, expected, found);
        match (word, device) {
            ("NBIRTH", None) => Ok(Self::NodeBirth),
            ("NDEATH", None) => Ok(Self::NodeDeath),
            ("NDATA", None) => Ok(Self::NodeData),
            ("NCMD", None) => Ok(Self::NodeCommand),
            ("DBIRTH", Some(d)) => Ok(Self::DeviceBirth(name(d)?)),
            ("DDEATH", Some(d)) => Ok(Self::DeviceDeath(name(d)?)),
            ("DDATA", Some(d)) => Ok(Self::DeviceData(name(d)?)),
            ("DCMD", Some(d)) => Ok(Self::DeviceCommand(name(d)?)),
            (word, None) => Err(form(format!("{} without a device", shown(word)))),
            (word, Some(d)) => Err(form(format!("{} with device {}", shown(word), shown(d)))),
        }
    }
}

fn invalid(e: &IdError) -> Fault {
    Fault::new(Code::NameInvalid, "names of 1 to 128 bytes without '+', '#' and control characters", e.to_string())
}

fn name(s: &str) -> Result<Name, Fault> {
    Name::new(s).map_err(|e| invalid(&e))
}

fn parse_danxia(rest: &str, whole: &str) -> Result<Topic, Fault> {
    let form = || {
        Fault::new(
            Code::TopicInvalid,
            "danxia/v1/SITE/MACHINE/telemetry, …/event, …/birth, …/death or danxia/v1/SITE/MACHINE/POINT/waveform",
            shown(whole),
        )
    };
    let mut parts = rest.splitn(3, '/');
    let (Some(site), Some(machine), Some(tail)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(form());
    };
    let machine = || MachineId::new(site, machine).map_err(|e| invalid(&e));
    match tail {
        "telemetry" => Ok(Topic::Telemetry(machine()?)),
        "event" => Ok(Topic::Event(machine()?)),
        "birth" => Ok(Topic::Birth(machine()?)),
        "death" => Ok(Topic::Death(machine()?)),
        _ => {
            if let Some(kind) = published::Kind::parse(tail) {
                return Ok(Topic::Published(machine()?, kind));
            }
            let point = tail.strip_suffix("/waveform").ok_or_else(form)?;
            Ok(Topic::Waveform(machine()?.point(point).map_err(|e| invalid(&e))?))
        }
    }
}

fn parse_sparkplug(rest: &str, whole: &str) -> Result<Topic, Fault> {
    let parts: Vec<&str> = rest.splitn(6, '/').collect();
    match parts[..] {
        ["STATE", host] => Ok(Topic::SparkplugState(name(host)?)),
        [group, kind, edge] => {
            Ok(Topic::Sparkplug(Sparkplug { group: name(group)?, edge: name(edge)?, kind: Kind::parse(kind, None)? }))
        }
        [group, kind, edge, device] => Ok(Topic::Sparkplug(Sparkplug {
            group: name(group)?,
            edge: name(edge)?,
            kind: Kind::parse(kind, Some(device))?,
        })),
        _ => Err(Fault::new(
            Code::TopicInvalid,
            "spBv1.0/GROUP/TYPE/EDGE, spBv1.0/GROUP/TYPE/EDGE/DEVICE or spBv1.0/STATE/HOST",
            shown(whole),
        )),
    }
}

impl FromStr for Topic {
    type Err = Fault;
    fn from_str(s: &str) -> Result<Self, Fault> {
        if let Some(rest) = s.strip_prefix(DANXIA) {
            parse_danxia(rest, s)
        } else if let Some(rest) = s.strip_prefix(SPARKPLUG) {
            parse_sparkplug(rest, s)
        } else if let Some(site) = s.strip_prefix(HJ212).filter(|site| !site.contains('/')) {
            Ok(Self::Hj212(name(site)?))
        } else {
            let expected = "a topic that begins with danxia/v1/ or spBv1.0/, hj212/SITE, or one of a mapping rule";
            Err(Fault::new(Code::Unmapped, expected, shown(s)))
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Telemetry(m) => write!(f, "{DANXIA}{m}/telemetry"),
            Self::Event(m) => write!(f, "{DANXIA}{m}/event"),
            Self::Birth(m) => write!(f, "{DANXIA}{m}/birth"),
            Self::Death(m) => write!(f, "{DANXIA}{m}/death"),
            Self::Waveform(p) => write!(f, "{DANXIA}{p}/waveform"),
            Self::Published(m, kind) => write!(f, "{DANXIA}{m}/{}", kind.as_str()),
            Self::Sparkplug(s) => s.fmt(f),
            Self::SparkplugState(host) => write!(f, "{SPARKPLUG}STATE/{host}"),
            Self::Hj212(site) => write!(f, "{HJ212}{site}"),
        }
    }
}

impl fmt::Display for Sparkplug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SPARKPLUG}{}/{}/{}", self.group, self.kind.as_str(), self.edge)?;
        match self.kind.device() {
            Some(device) => write!(f, "/{device}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_parse_and_display_alike() {
        for s in [
            "danxia/v1/韶钢/三号风机/telemetry",
            "danxia/v1/s/m/event",
            "danxia/v1/s/m/birth",
            "danxia/v1/s/m/death",
            "danxia/v1/s/m/indicator",
            "danxia/v1/s/m/alarm",
            "danxia/v1/s/m/alarm/state",
            "danxia/v1/s/m/alarm/waveform",
            "danxia/v1/s/m/vib_de_h/waveform",
            "danxia/v1/s/m/folder/vib/waveform",
            "danxia/v1/s/m/waveform/waveform",
            "spBv1.0/g/NBIRTH/e",
            "spBv1.0/g/NDEATH/e",
            "spBv1.0/g/NDATA/e",
            "spBv1.0/g/NCMD/e",
            "spBv1.0/g/DBIRTH/e/d",
            "spBv1.0/g/DDEATH/e/d",
            "spBv1.0/g/DDATA/e/d",
            "spBv1.0/g/DCMD/e/d",
            "spBv1.0/STATE/host",
        ] {
            assert_eq!(s.parse::<Topic>().unwrap().to_string(), s);
        }
    }

    #[test]
    fn other_topics_are_told_apart() {
        for (s, code) in [
            ("plc/7/temp", Code::Unmapped),
            ("", Code::Unmapped),
            ("danxia/v1", Code::Unmapped),
            ("danxia/v1/s/m", Code::TopicInvalid),
            ("danxia/v1/s/m/", Code::TopicInvalid),
            ("danxia/v1/s/m/telemetri", Code::TopicInvalid),
            ("danxia/v1/s/m/waveform", Code::TopicInvalid),
            ("danxia/v1/s/m//waveform", Code::NameInvalid),
            ("danxia/v1//m/telemetry", Code::NameInvalid),
            ("danxia/v1/s//telemetry", Code::NameInvalid),
            ("spBv1.0/g/NDATA", Code::TopicInvalid),
            ("spBv1.0/g/NDATA/e/d", Code::TopicInvalid),
            ("spBv1.0/g/DDATA/e", Code::TopicInvalid),
            ("spBv1.0/g/ndata/e", Code::TopicInvalid),
            ("spBv1.0/g/DDATA/e/d/x", Code::TopicInvalid),
            ("spBv1.0//NDATA/e", Code::NameInvalid),
            ("spBv1.0/g/DDATA/e/", Code::NameInvalid),
        ] {
            assert_eq!(s.parse::<Topic>().unwrap_err().code, code, "{s}");
        }
    }
}
