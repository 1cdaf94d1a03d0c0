//! What the platform says of itself on MQTT, for SCADA, Node-RED and the like: indicators, steps of alarms, and for each
//! machine the alarms that stand.
//!
//! | topic | payload | retained |
//! |---|---|---|
//! | `danxia/v1/{site}/{machine}/indicator` | an array of values | no |
//! | `danxia/v1/{site}/{machine}/alarm` | one step of one alarm | no |
//! | `danxia/v1/{site}/{machine}/alarm/state` | the alarms of the machine that are not normal | yes |
//!
//! Each object carries `"by":"danxia"` as its first member. That is how what comes back (from a broker that sends us our
//! own messages, or from another collector) is told from a machine that publishes on these topics: the first is dropped,
//! the second is a mistake and goes to quarantine.

use plant::{
    AlarmRecord, AlarmState, AlarmTransition, Condition, IndicatorValue, MachineId, Plant, Timestamp, Trigger,
};
use serde_json::{Value, json};

use super::time;

/// The first member of every object.
const MARK: &str = "\"by\":\"danxia\"";

/// The three topics of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Computed values.
    Indicator,
    /// One step of one alarm.
    Alarm,
    /// The alarms that stand.
    AlarmState,
}

impl Kind {
    /// The end of the topic.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Indicator => "indicator",
            Self::Alarm => "alarm",
            Self::AlarmState => "alarm/state",
        }
    }

    /// From the end of a topic.
    #[must_use]
    pub fn parse(tail: &str) -> Option<Self> {
        [Self::Indicator, Self::Alarm, Self::AlarmState].into_iter().find(|k| k.as_str() == tail)
    }
}

/// Whether a payload on one of these topics was published by a Danxia.
#[must_use]
pub fn is_ours(payload: &[u8]) -> bool {
    let object = payload.strip_prefix(b"[").unwrap_or(payload);
    object.strip_prefix(b"{").is_some_and(|members| members.starts_with(MARK.as_bytes()))
}

/// The values of one machine, in one commit.
#[must_use]
pub fn indicators(values: &[&IndicatorValue]) -> Vec<u8> {
    let mut out = vec![b'['];
    for (i, v) in values.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        let mut members = vec![
            ("ts", ts(v.t)),
            ("point", json!(v.point.name())),
            ("name", json!(v.name.as_str())),
            ("value", json!(v.value)),
            ("quality", json!(v.quality.to_string())),
        ];
        members.extend(v.unit.map(|u| ("unit", json!(u.symbol()))));
        object(&mut out, &members);
    }
    out.push(b']');
    out
}

/// One step of an alarm, with a sentence in the two languages of the page; names are those that `plant` has.
#[must_use]
pub fn alarm(step: &AlarmTransition, plant: &Plant) -> Vec<u8> {
    let mut members = vec![
        ("ts", ts(step.t)),
        ("id", json!(step.key.id().to_string())),
        ("point", json!(step.key.point.as_ref().map(|p| p.name()))),
        ("condition", json!(step.key.condition.code())),
        ("trigger", json!(step.trigger.as_str())),
        ("from", json!(step.from.as_str())),
        ("to", json!(step.to.as_str())),
        ("priority", json!(step.priority.number())),
        ("value", json!(step.value)),
        ("limit", json!(step.limit)),
        ("unit", json!(step.unit.map(|u| u.symbol()))),
    ];
    if let Some(by) = step.trigger.by() {
        members.push(("by", json!(**by)));
    }
    if let Some(reason) = step.trigger.reason() {
        members.push(("reason", json!(**reason)));
    }
    if let Trigger::Shelved { until, .. } = &step.trigger {
        members.push(("until", ts(*until)));
    }
    members.push(("inhibited", json!(step.inhibited.map(|i| i.as_str()))));
    if step.first_out {
        members.push(("first_out", json!(true)));
    }
    let (zh, en) = sentence(step, plant);
    members.push(("message", json!({ "zh": zh, "en": en })));
    let mut out = Vec::new();
    object(&mut out, &members);
    out
}

/// The alarms of one machine that are not normal, the most urgent first; `alarms` may hold those of others.
#[must_use]
pub fn alarm_state(machine: &MachineId, alarms: &[AlarmRecord], now: Timestamp) -> Vec<u8> {
    let mut standing: Vec<_> =
        alarms.iter().filter(|a| a.key.machine == *machine && a.state != AlarmState::Normal).collect();
    standing.sort_by_key(|a| (a.priority, a.raised, a.key.id()));
    // What is kept from people waits for nobody.
    let told = || standing.iter().filter(|a| a.inhibition.outermost().is_none());
    let count = |which: fn(&AlarmState) -> bool| told().filter(|a| which(&a.state)).count();
    let list: Vec<Value> = standing
        .iter()
        .map(|a| {
            json!({
                "id": a.key.id().to_string(),
                "point": a.key.point.as_ref().map(|p| p.name()),
                "condition": a.key.condition.code(),
                "state": a.state.as_str(),
                "priority": a.priority.number(),
                "raised": ts(a.raised),
                "value": a.value,
                "limit": a.limit,
                "unit": a.unit.map(|u| u.symbol()),
                "inhibited": a.inhibition.outermost().map(|i| i.as_str()),
            })
        })
        .collect();
    let unacknowledged = count(|s| s.unacknowledged());
    let members = [
        ("ts", ts(now)),
        ("active", json!(count(|s| s.active()))),
        ("unacknowledged", json!(unacknowledged)),
        ("priority", json!(told().next().map(|a| a.priority.number()))),
        ("alarms", Value::Array(list)),
    ];
    let mut out = Vec::new();
    object(&mut out, &members);
    out
}

/// A time in the form in which machines may send it to us.
fn ts(t: Timestamp) -> Value {
    let mut out = Vec::new();
    time::write_json(t, &mut out);
    serde_json::from_slice(&out).unwrap_or(Value::Null)
}

/// The members in this order, behind the mark; what is null is left out.
fn object(out: &mut Vec<u8>, members: &[(&str, Value)]) {
    out.push(b'{');
    out.extend_from_slice(MARK.as_bytes());
    for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        out.extend_from_slice(format!(",\"{name}\":{value}").as_bytes());
    }
    out.push(b'}');
}

/// 三号风机 · 驱动端温度：高高限，95.1 °C（限值 90 °C），发生
fn sentence(step: &AlarmTransition, plant: &Plant) -> (String, String) {
    let (zh, en) = what(step);
    let (zh_why, en_why) = why(&step.trigger);
    let (zh_name, en_name) = names(step, plant);
    let unit = step.unit.map_or_else(String::new, |u| format!(" {}", u.symbol()));
    let number = |v: f64| format!("{}{unit}", (v * 1000.0).round() / 1000.0);
    let (zh_value, en_value) = match (step.value, step.limit) {
        (Some(v), Some(l)) => {
            (format!("，{}（限值 {}）", number(v), number(l)), format!(", {} (limit {})", number(v), number(l)))
        }
        (Some(v), None) => (format!("，{}", number(v)), format!(", {}", number(v))),
        (None, _) => Default::default(),
    };
    (format!("{zh_name}：{zh}{zh_value}，{zh_why}"), format!("{en_name}: {en}{en_value}, {en_why}"))
}

/// The machine and point by their titles, else by their ids.
fn names(step: &AlarmTransition, plant: &Plant) -> (String, String) {
    let machine = plant.machine(step.key.machine.as_str());
    let (mut zh, mut en) = (step.key.machine.to_string(), step.key.machine.to_string());
    if step.key.machine.is_ours() {
        (zh, en) = ("丹霞平台".to_owned(), "Danxia platform".to_owned());
    }
    if let Some(m) = machine {
        zh = m.title.zh.as_deref().unwrap_or(&zh).to_owned();
        en = m.title.en.as_deref().unwrap_or(&en).to_owned();
    }
    if let Some(id) = &step.key.point {
        let title = machine.and_then(|m| m.points.get(id.name())).map(|p| &p.title);
        let of = |text: Option<&std::sync::Arc<str>>| text.map_or_else(|| id.name().to_owned(), |t| t.to_string());
        zh = format!("{zh} · {}", of(title.and_then(|t| t.zh.as_ref())));
        en = format!("{en} · {}", of(title.and_then(|t| t.en.as_ref())));
    }
    (zh, en)
}

fn what(step: &AlarmTransition) -> (String, String) {
    use plant::AlarmCondition as C;
    let (zh, en) = match &step.key.condition {
        C::HighHigh => ("高高限", "high-high limit"),
        C::High => ("高限", "high limit"),
        C::Low => ("低限", "low limit"),
        C::LowLow => ("低低限", "low-low limit"),
        C::Rate => ("变化过快", "rate of change"),
        C::Deviation => ("偏离给定值", "deviation"),
        C::Discrete => ("状态报警", "state"),
        C::Change => ("振动偏离常态", "vibration not as usual"),
        C::Sensor => ("传感器故障", "sensor fault"),
        C::Stale => ("数据过期", "stale data"),
        C::Offline => ("离线", "offline"),
        C::System(name) if name.as_str() == Condition::DISK_SPACE => ("磁盘空间不足", "little disk space"),
        C::System(name) => return (name.to_string(), name.to_string()),
        C::Zone(z) => return (format!("振动 {} 区", z.letter()), format!("vibration zone {}", z.letter())),
        C::Bearing(name, fault) => {
            return (format!("轴承损伤（{name}，{fault}）"), format!("bearing damage ({name}, {fault})"));
        }
    };
    (zh.to_owned(), en.to_owned())
}

fn why(trigger: &Trigger) -> (String, String) {
    let (zh, en) = match trigger {
        Trigger::Raised => ("发生", "raised"),
        Trigger::Cleared => ("恢复", "cleared"),
        Trigger::Historical => ("历史（迟到数据）", "historical (late data)"),
        Trigger::Updated => ("证据更新", "evidence updated"),
        Trigger::ValueLost => ("失去数值", "value lost"),
        Trigger::ReAlarmed => ("再次报警", "announced again"),
        Trigger::Suppressed { .. } => ("按设计抑制", "suppressed by design"),
        Trigger::Unsuppressed => ("抑制结束", "no longer suppressed"),
        Trigger::Unshelved { by: None } => ("搁置到期", "shelving has ended"),
        Trigger::Acknowledged { by } => return (format!("{by} 已确认"), format!("acknowledged by {by}")),
        Trigger::Reset { by } => return (format!("{by} 已复位"), format!("reset by {by}")),
        Trigger::Shelved { by, .. } => return (format!("{by} 已搁置"), format!("shelved by {by}")),
        Trigger::Unshelved { by: Some(by) } => return (format!("{by} 取消搁置"), format!("unshelved by {by}")),
        Trigger::OutOfService { by, .. } => return (format!("{by} 已停用"), format!("taken out of service by {by}")),
        Trigger::InService { by } => return (format!("{by} 已恢复使用"), format!("put into service by {by}")),
    };
    (zh.to_owned(), en.to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use plant::{
        AlarmCondition, AlarmKey, AssetChange, Evidence, Machine, Point, PointId, Priority, Quality, Title, Unit,
    };

    use super::*;

    fn step(point: Option<&str>, condition: AlarmCondition, trigger: Trigger) -> AlarmTransition {
        let machine: MachineId = "韶钢/三号风机".parse().unwrap();
        let point = point.map(|p| machine.point(p).unwrap());
        AlarmTransition {
            key: AlarmKey { machine, point, condition },
            t: Timestamp::from_nanos(1_735_689_600_123_000_000),
            from: AlarmState::Normal,
            to: AlarmState::Unacknowledged,
            trigger,
            priority: Priority::Critical,
            value: Some(95.123_456),
            limit: Some(90.0),
            unit: Unit::parse("°C"),
            evidence: Evidence::default(),
            inhibited: None,
            first_out: false,
        }
    }

    fn json(bytes: &[u8]) -> Value {
        serde_json::from_slice(bytes).unwrap()
    }

    #[test]
    fn a_step_of_an_alarm_reads_like_this() {
        let mut plant = Plant::default();
        let s = step(Some("temp"), AlarmCondition::HighHigh, Trigger::Raised);
        let mut m = Machine::bare(s.key.machine.clone());
        m.title = Title { zh: Some("三号风机".into()), en: Some("Fan 3".into()) };
        m.points.insert(
            "temp".into(),
            Point { title: Title { zh: Some("驱动端温度".into()), en: None }, ..Point::bare("temp") },
        );
        plant.apply(&AssetChange::Machine(m));
        let out = alarm(&s, &plant);
        assert!(is_ours(&out));
        assert_eq!(
            json(&out),
            json!({
                "by": "danxia", "ts": 1_735_689_600_123_i64, "id": s.key.id().to_string(), "point": "temp",
                "condition": "high_high", "trigger": "raised", "from": "normal", "to": "unacknowledged", "priority": 1,
                "value": 95.123_456, "limit": 90.0, "unit": "°C",
                "message": {
                    "zh": "三号风机 · 驱动端温度：高高限，95.123 °C（限值 90 °C），发生",
                    "en": "Fan 3 · temp: high-high limit, 95.123 °C (limit 90 °C), raised",
                },
            })
        );
        let by: Arc<str> = "张工".into();
        let bare = AlarmTransition {
            value: None,
            limit: None,
            unit: None,
            ..step(None, AlarmCondition::Offline, Trigger::Acknowledged { by })
        };
        let out = json(&alarm(&bare, &Plant::default()));
        assert_eq!(out["message"]["en"], "韶钢/三号风机: offline, acknowledged by 张工");
        assert_eq!((&out["by"], out.get("value")), (&json!("张工"), None));
    }

    #[test]
    fn the_values_of_a_commit_are_one_array() {
        let point: PointId = "s/m/vib".parse().unwrap();
        let value = |name: &str, value, unit: Option<&str>| IndicatorValue {
            point: point.clone(),
            name: name.parse().unwrap(),
            t: Timestamp::from_secs(1_735_689_600),
            value,
            quality: Quality::Good,
            unit: unit.and_then(Unit::parse),
        };
        let (rms, kurtosis) = (value("velocity_rms", 4.25, Some("mm/s")), value("kurtosis", 3.0, None));
        let out = indicators(&[&rms, &kurtosis]);
        assert!(is_ours(&out));
        let ts = 1_735_689_600_000_i64;
        assert_eq!(
            json(&out),
            json!([
                { "by": "danxia", "ts": ts, "point": "vib", "name": "velocity_rms", "value": 4.25, "quality": "good", "unit": "mm/s" },
                { "by": "danxia", "ts": ts, "point": "vib", "name": "kurtosis", "value": 3.0, "quality": "good" },
            ])
        );
    }

    #[test]
    fn an_alarm_of_the_platform_itself_says_so() {
        let condition = AlarmCondition::System(Condition::DISK_SPACE.parse().unwrap());
        let mut s = step(None, condition, Trigger::Raised);
        (s.key.machine, s.unit) = (MachineId::platform(), Unit::parse("%"));
        let said = json(&alarm(&s, &Plant::default()));
        assert_eq!(said["condition"], "system.disk_space");
        assert_eq!(said["message"]["zh"], "丹霞平台：磁盘空间不足，95.123 %（限值 90 %），发生");
        assert_eq!(said["message"]["en"], "Danxia platform: little disk space, 95.123 % (limit 90 %), raised");
    }

    #[test]
    fn the_state_of_a_machine_holds_what_is_not_normal() {
        let raised = step(Some("temp"), AlarmCondition::HighHigh, Trigger::Raised);
        let mut low = step(Some("oil"), AlarmCondition::Low, Trigger::Raised);
        (low.priority, low.to) = (Priority::Low, AlarmState::Acknowledged);
        let mut over = step(Some("temp"), AlarmCondition::High, Trigger::Cleared);
        over.to = AlarmState::Normal;
        let mut other = raised.clone();
        other.key.machine = "s/other".parse().unwrap();
        let alarms = [&low, &raised, &over, &other].map(|s| AlarmRecord::after(None, s));
        let out = alarm_state(&raised.key.machine, &alarms, Timestamp::from_secs(1_735_689_700));
        assert!(is_ours(&out));
        let out = json(&out);
        assert_eq!((&out["active"], &out["unacknowledged"], &out["priority"]), (&json!(2), &json!(1), &json!(1)));
        let of = |i: usize| (out["alarms"][i]["point"].as_str(), out["alarms"][i]["state"].as_str());
        assert_eq!(of(0), (Some("temp"), Some("unacknowledged")));
        assert_eq!(of(1), (Some("oil"), Some("acknowledged")));
        assert_eq!(out["alarms"].as_array().unwrap().len(), 2);
        let none = json(&alarm_state(&"s/none".parse().unwrap(), &alarms, Timestamp::from_secs(1_735_689_700)));
        assert_eq!((&none["active"], none.get("priority"), &none["alarms"]), (&json!(0), None, &json!([])));
    }

    #[test]
    fn only_the_mark_in_the_first_place_makes_a_message_ours() {
        for ours in [&br#"{"by":"danxia"}"#[..], br#"[{"by":"danxia","ts":1}]"#] {
            assert!(is_ours(ours));
        }
        for other in [&b""[..], b"{}", br#"{"ts":1,"by":"danxia"}"#, br#"[[{"by":"danxia"}]]"#, br#"{"by":"danxia2"}"#]
        {
            assert!(!is_ours(other), "{}", String::from_utf8_lossy(other));
        }
    }
}
