//! How far a device has come on its way to a first value: what the door, the log-ins and the ledger know, put in order.
//!
//! Decided from data that is handed in; nothing here waits or remembers. A step is `failed` by what was seen last, and
//! `ok` once it went well after that.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use broker::{ClientSnapshot, Denial, Refusal};
use collector::topic::{Kind, Topic};
use historian::{Archive, Device, Quarantined, ReadError};
use plant::mapping::{RuleSet, Template, TemplatePart};
use plant::{MachineId, SeriesKey, Timestamp, Value};
use web::{dto, quarantined_message};

use crate::devices::attempts::{Attempt, Outcome};
use crate::devices::rules;

/// How far back the quarantine is looked through.
const RECENT: usize = 500;
/// A message that could not be understood is the device's state for this long, even if others are understood.
const FRESH: Duration = Duration::from_secs(60);

/// What is known of a device.
pub struct Known<'a> {
    /// As registered.
    pub device: &'a Device,
    /// Its last log-in.
    pub attempt: Option<Attempt>,
    /// Its connections, and those that ended lately.
    pub clients: &'a [ClientSnapshot],
    /// What it was denied last, and when that was noticed, if it still matters.
    pub denial: Option<(Timestamp, Denial)>,
    /// What became of its messages.
    pub messages: Messages,
}

/// When a device was denied something: the door counts and does not say when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noticed {
    denials: u64,
    /// When the count was seen to grow.
    grown: Option<Timestamp>,
}

impl Noticed {
    /// Looks again; yields the last denial while it matters: for a while, or as long as nothing was let through since.
    pub fn look(&mut self, clients: &[ClientSnapshot], now: Timestamp) -> Option<(Timestamp, Denial)> {
        let denials = clients.iter().map(|c| c.denials).sum();
        if denials > self.denials {
            self.grown = Some(now);
        }
        self.denials = denials;
        let last = clients.iter().filter(|c| c.denials > 0).min_by_key(|c| (!c.connected, c.since))?;
        let denial = last.last_denial.clone()?;
        let t = self.grown?;
        let through = last.messages > 0 && denial.why == Refusal::PublishDenied;
        (!through || now.since(t) < FRESH).then_some((t, denial))
    }
}

/// What became of a device's messages.
#[derive(Default)]
pub struct Messages {
    /// How many arrived.
    pub received: u64,
    /// How many are in the store.
    pub stored: u64,
    /// The last one in quarantine.
    pub quarantined: Option<Quarantined>,
    /// The newest value of the machine that it spoke of last: time, point, value.
    pub value: Option<(Timestamp, String)>,
    /// Whether the topic it spoke on last leaves it to the payload which machine is meant.
    pub unnamed: bool,
}

/// Under which names the ledger knows a device: the client ids it came with.
pub fn sources(clients: &[ClientSnapshot], attempt: Option<&Attempt>) -> BTreeSet<Arc<str>> {
    let tried = attempt.filter(|a| a.outcome == Outcome::In && !a.client_id.is_empty()).map(|a| a.client_id.clone());
    clients.iter().map(|c| c.client_id.clone()).chain(tried).collect()
}

impl Messages {
    /// Looks them up.
    pub fn of(
        archive: &Archive,
        rules: &RuleSet,
        sources: &BTreeSet<Arc<str>>,
        clients: &[ClientSnapshot],
    ) -> Result<Self, ReadError> {
        let mut all = Self::default();
        if sources.is_empty() {
            return Ok(all);
        }
        for line in archive.ledger_by_source()?.iter().filter(|l| sources.contains(&l.source)) {
            all.received += line.received - line.refused.min(line.received);
            all.stored += line.committed + line.duplicates;
        }
        if all.received > all.stored {
            let newest = archive.quarantine(None, RECENT)?;
            all.quarantined = newest.into_iter().map(|q| q.entry).find(|q| sources.contains(&q.source));
        }
        let topics = || clients.iter().filter_map(|c| c.last_topic.as_deref());
        let spoken_of = topics().find_map(|topic| machine(topic).or_else(|| mapped(topic, rules)));
        all.unnamed = spoken_of.is_none() && topics().any(|topic| of_payload(topic, rules));
        if let Some(machine) = spoken_of {
            let last = |key: &SeriesKey| archive.last(key).map(|s| (s.t, key.point.to_string(), s.value));
            let newest = archive.series_of(&machine).iter().filter_map(last).max_by_key(|(t, ..)| *t);
            all.value = newest.map(|(t, point, value)| (t, format!("{point} = {}", text(&value))));
        }
        Ok(all)
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Float(v) => v.to_string(),
        Value::Int(v) => v.to_string(),
        Value::Bool(v) => v.to_string(),
        Value::Text(v) => v.chars().take(80).collect(),
    }
}

/// The machine that a topic is about.
fn machine(topic: &str) -> Option<MachineId> {
    match topic.parse().ok()? {
        Topic::Telemetry(m) | Topic::Event(m) | Topic::Birth(m) | Topic::Death(m) => Some(m),
        Topic::Waveform(p) => Some(p.machine()),
        Topic::Sparkplug(s) => match &s.kind {
            Kind::DeviceBirth(d) | Kind::DeviceDeath(d) | Kind::DeviceData(d) | Kind::DeviceCommand(d) => {
                MachineId::new(s.group.as_str(), &format!("{}.{d}", s.edge)).ok()
            }
            _ => MachineId::new(s.group.as_str(), s.edge.as_str()).ok(),
        },
        _ => None,
    }
}

/// The machine that a topic of the plant's own is about, where the rule that is for it takes that from the topic alone.
/// Which rule that is may hang on the payload: the first one is asked, as most plants have one for a topic.
fn mapped(topic: &str, rules: &RuleSet) -> Option<MachineId> {
    let (i, captures) = rules.matching(topic).next()?;
    let rule = rules.rules().get(i)?;
    let text = |template: &Template| -> Option<String> {
        template
            .parts()
            .iter()
            .map(|part| match part {
                TemplatePart::Text(text) => Some(text.to_string()),
                TemplatePart::Capture(name) => captures.get(name).map(ToOwned::to_owned),
                TemplatePart::Field(_) | TemplatePart::Key => None,
            })
            .collect()
    };
    MachineId::new(&text(&rule.site)?, &text(&rule.machine)?).ok()
}

/// Whether a topic has a meaning here, and only the payload says of which machine.
fn of_payload(topic: &str, rules: &RuleSet) -> bool {
    match topic.parse() {
        Ok(Topic::Hj212(_)) => true,
        Ok(_) => false,
        Err(_) => rules.matching(topic).next().is_some(),
    }
}

fn step(name: &str, state: &str, at: Option<Timestamp>) -> dto::ChecklistStep {
    dto::ChecklistStep {
        step: name.into(),
        state: state.into(),
        at: at.map(Into::into),
        seen: None,
        code: None,
        error: None,
        message: None,
    }
}

fn ok(name: &str, at: Option<Timestamp>, seen: impl Into<String>) -> dto::ChecklistStep {
    dto::ChecklistStep { seen: Some(seen.into()), ..step(name, "ok", at) }
}

fn waiting(name: &str) -> dto::ChecklistStep {
    step(name, "waiting", None)
}

fn failed(name: &str, at: Option<Timestamp>, (code, error): (&str, &str)) -> dto::ChecklistStep {
    dto::ChecklistStep { code: Some(code.into()), error: Some(error.into()), ..step(name, "failed", at) }
}

/// The six steps, in their order.
pub fn steps(k: &Known<'_>, now: Timestamp) -> Vec<dto::ChecklistStep> {
    vec![tcp(k, now), identity(k, now), rights(k, now), topic(k, now), parse(k, now), value(k)]
}

/// The connection that says most: an open one, else the one that ended last.
fn newest<'a>(k: &Known<'a>) -> Option<&'a ClientSnapshot> {
    k.clients.iter().min_by_key(|c| (!c.connected, c.since))
}

fn tcp(k: &Known<'_>, now: Timestamp) -> dto::ChecklistStep {
    let client = newest(k).map(|c| (now - c.since, c.address));
    let tried = k.attempt.as_ref().map(|a| (a.t, a.address));
    match client.max(tried) {
        Some((t, address)) => ok("tcp", Some(t), address.to_string()),
        None => waiting("tcp"),
    }
}

fn identity(k: &Known<'_>, now: Timestamp) -> dto::ChecklistStep {
    if let Some(t) = k.device.revoked {
        return failed("identity", Some(t), REVOKED);
    }
    let failure = k.attempt.as_ref().and_then(|a| why(a.outcome).map(|why| (a.t, why)));
    let open = k.clients.iter().find(|c| c.connected);
    match (open, failure, &k.attempt) {
        (Some(c), None, _) => ok("identity", Some(now - c.since), c.client_id.to_string()),
        (_, Some((t, why)), _) => failed("identity", Some(t), why),
        (None, None, Some(a)) => ok("identity", Some(a.t), a.client_id.to_string()),
        (None, None, None) => waiting("identity"),
    }
}

/// A stable code, and what was found and what to do in words.
type Why = (&'static str, &'static str);

const REVOKED: Why = ("revoked", "the device is revoked: enable it, and it gets a new password");

/// What to do about a log-in that was refused for what it came with.
fn why(outcome: Outcome) -> Option<Why> {
    Some(match outcome {
        Outcome::In | Outcome::Role => return None,
        Outcome::Password => ("password", "the password is another one: copy it again, or give the device a new one"),
        Outcome::NoPassword => {
            ("no_password", "it came with a password, and has none: it comes with its certificate over TLS")
        }
        Outcome::CertificateUnknown => (
            "certificate_unknown",
            "its certificate was not issued to it here: issue one, and put certificate and key on the device",
        ),
        Outcome::CertificateOver => ("certificate_over", "its certificate is revoked or has expired: issue a new one"),
        Outcome::Revoked => REVOKED,
    })
}

fn rights(k: &Known<'_>, now: Timestamp) -> dto::ChecklistStep {
    if let Some(a) = k.attempt.as_ref().filter(|a| a.outcome == Outcome::Role) {
        let no_rights = ("role", "its role gives it no rights that can be used: add it anew with another role");
        return failed("rights", Some(a.t), no_rights);
    }
    if let Some((t, denial)) = &k.denial {
        let said = dto::ChecklistStep {
            seen: Some(denial.topic.to_string()),
            error: Some(denied(denial, k)),
            ..failed("rights", Some(*t), (denial.why.name(), ""))
        };
        return said;
    }
    match newest(k) {
        Some(c) if c.messages > 0 || !c.subscriptions.is_empty() => ok("rights", Some(now - c.since), ""),
        _ => waiting("rights"),
    }
}

fn denied(denial: &Denial, k: &Known<'_>) -> String {
    let rights = rules::rights(k.device).unwrap_or_default();
    let (what, may) = match denial.why {
        Refusal::SubscribeDenied => ("subscribe to", rights.subscribe),
        Refusal::WillDenied => ("leave a will for", rights.publish),
        _ => ("publish to", rights.publish),
    };
    let may = if may.is_empty() { "nothing".to_owned() } else { may.join(", ") };
    format!(
        "it wanted to {what} {:?}, and may do that with {may}: correct the topic in the device, give it a pattern of its \
         own where the topic lies outside danxia/v1, spBv1.0 and $, or add it with another role",
        denial.topic
    )
}

/// Whether a reason is about the topic and not about the payload.
fn of_topic(code: &str) -> bool {
    matches!(code, "unmapped" | "topic_invalid" | "topic_utf8" | "name_invalid")
}

/// The last message in quarantine, if it is what the device is to be judged by.
fn fault<'a>(k: &'a Known<'_>, now: Timestamp) -> Option<&'a Quarantined> {
    let q = k.messages.quarantined.as_ref()?;
    (k.messages.stored == 0 || now.since(q.t) < FRESH).then_some(q)
}

fn topic(k: &Known<'_>, now: Timestamp) -> dto::ChecklistStep {
    if let Some(q) = fault(k, now).filter(|q| of_topic(&q.code)) {
        return of_message("topic", q);
    }
    let seen = newest(k).and_then(|c| c.last_topic.as_deref()).unwrap_or_default();
    if k.messages.received > 0 { ok("topic", None, seen) } else { waiting("topic") }
}

fn parse(k: &Known<'_>, now: Timestamp) -> dto::ChecklistStep {
    if let Some(q) = fault(k, now).filter(|q| !of_topic(&q.code)) {
        return of_message("parse", q);
    }
    if k.messages.stored > 0 { ok("parse", None, k.messages.stored.to_string()) } else { waiting("parse") }
}

fn of_message(name: &str, q: &Quarantined) -> dto::ChecklistStep {
    let message = Some(quarantined_message(q));
    dto::ChecklistStep { message, ..failed(name, Some(q.t), (&q.code, &q.reason)) }
}

fn value(k: &Known<'_>) -> dto::ChecklistStep {
    match &k.messages.value {
        Some((t, what)) if k.messages.stored > 0 => ok("value", Some(*t), what.as_str()),
        // Which machine it is about stands in the payload: nearly always, what was stored of such messages are values.
        None if k.messages.stored > 0 && k.messages.unnamed => ok("value", None, ""),
        _ => waiting("value"),
    }
}

#[cfg(test)]
mod tests {
    use broker::Protocol;
    use historian::OwnPatterns;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_392_000);

    fn ago(seconds: u64) -> Timestamp {
        NOW - Duration::from_secs(seconds)
    }

    fn device() -> Device {
        Device {
            name: "m".into(),
            role: "device".into(),
            site: "s".into(),
            group: String::new(),
            note: String::new(),
            created: ago(1000),
            revoked: None,
            hash: Some("x".into()),
            certificates: Vec::new(),
            own: OwnPatterns::default(),
        }
    }

    fn client(connected: bool, since: u64) -> ClientSnapshot {
        ClientSnapshot {
            client_id: "c".into(),
            address: "10.0.0.7:50000".parse().unwrap(),
            identity: "m".into(),
            protocol: Protocol::V5,
            connected,
            since: Duration::from_secs(since),
            messages: 0,
            bytes: 0,
            rate_messages_s: 0.0,
            rate_bytes_s: 0.0,
            subscriptions: Vec::new(),
            dropped: 0,
            denials: 0,
            last_denial: None,
            throttled: 0,
            last_topic: None,
            last_error: None,
        }
    }

    fn attempt(outcome: Outcome, seconds: u64) -> Option<Attempt> {
        let address = "10.0.0.9:50000".parse().unwrap();
        Some(Attempt { t: ago(seconds), address, client_id: "c".into(), outcome })
    }

    fn bad(code: &str, seconds: u64) -> Quarantined {
        Quarantined {
            t: ago(seconds),
            source: "c".into(),
            topic: "t".into(),
            size: 2,
            head: b"{x"[..].into(),
            rest: [].into(),
            code: code.into(),
            reason: "expected JSON".into(),
        }
    }

    /// The states in one word: w(aiting), o(k), f(ailed).
    fn word(device: &Device, attempt: Option<Attempt>, clients: &[ClientSnapshot], messages: Messages) -> String {
        let known = Known { device, attempt, clients, denial: None, messages };
        steps(&known, NOW).iter().map(|s| &s.state[..1]).collect()
    }

    #[test]
    fn each_step_follows_what_was_seen_last() {
        let d = device();
        let none = Messages::default;
        let topic = Some("danxia/v1/s/m/telemetry".into());
        let spoken = [ClientSnapshot { messages: 3, last_topic: topic, ..client(true, 5) }];
        let with = |received, stored, q: Option<Quarantined>| Messages { received, stored, quarantined: q, ..none() };
        let valued = Messages { value: Some((ago(1), "s/m/t = 1".into())), ..with(3, 3, None) };
        for (expect, said) in [
            ("wwwwww", word(&d, None, &[], none())),
            ("ofwwww", word(&d, attempt(Outcome::Password, 1), &[], none())),
            ("ofwwww", word(&d, attempt(Outcome::CertificateOver, 1), &[], none())),
            ("oofwww", word(&d, attempt(Outcome::Role, 1), &[], none())),
            ("oowwww", word(&d, attempt(Outcome::In, 1), &[client(true, 1)], none())),
            ("oowwww", word(&d, attempt(Outcome::In, 9), &[client(false, 1)], none())),
            ("ofwwww", word(&d, attempt(Outcome::Password, 1), &[client(true, 60)], none())),
            ("ooofww", word(&d, attempt(Outcome::In, 5), &spoken, with(3, 0, Some(bad("topic_invalid", 900))))),
            ("oooofw", word(&d, attempt(Outcome::In, 5), &spoken, with(3, 0, Some(bad("json_syntax", 900))))),
            ("oooofw", word(&d, attempt(Outcome::In, 5), &spoken, with(3, 2, Some(bad("json_syntax", 5))))),
            ("ooooow", word(&d, attempt(Outcome::In, 5), &spoken, with(3, 2, Some(bad("json_syntax", 900))))),
            ("oooooo", word(&d, attempt(Outcome::In, 5), &spoken, valued)),
            ("oooooo", word(&d, attempt(Outcome::In, 5), &spoken, Messages { unnamed: true, ..with(3, 3, None) })),
            ("ooooww", word(&d, attempt(Outcome::In, 5), &spoken, Messages { unnamed: true, ..with(3, 0, None) })),
            ("wfwwww", word(&Device { revoked: Some(ago(5)), ..device() }, None, &[], none())),
        ] {
            assert_eq!(said, expect);
        }
    }

    #[test]
    fn a_denial_matters_until_something_came_through_for_a_while() {
        let topic = "danxia/v1/s/x/telemetry";
        let denied = |denials, messages, connected| ClientSnapshot {
            denials,
            messages,
            last_denial: Some(Denial { topic: topic.into(), why: Refusal::PublishDenied }),
            ..client(connected, 1)
        };
        let mut noticed = Noticed::default();
        assert_eq!(noticed.look(&[client(true, 1)], ago(300)), None);
        let (t, denial) = noticed.look(&[denied(1, 0, false)], ago(200)).unwrap();
        assert_eq!((t, &*denial.topic), (ago(200), topic));
        assert!(noticed.look(&[denied(1, 0, true)], ago(100)).is_some(), "nothing has come through");
        assert_eq!(noticed.look(&[denied(1, 4, true)], ago(99)), None, "it has been corrected");
        assert!(noticed.look(&[denied(2, 4, true)], ago(50)).is_some(), "and is wrong again");

        let device = device();
        let known = Known {
            device: &device,
            attempt: None,
            clients: &[],
            denial: Some((t, denial)),
            messages: Messages::default(),
        };
        let rights = &steps(&known, NOW)[2];
        assert_eq!((rights.state.as_str(), rights.seen.as_deref()), ("failed", Some(topic)));
        assert!(rights.error.as_deref().unwrap().contains("danxia/v1/s/m/#"));
    }

    #[test]
    fn topics_lead_to_their_machine() {
        for (topic, expect) in [
            ("danxia/v1/s/m/telemetry", Some("s/m")),
            ("danxia/v1/s/m/vib/waveform", Some("s/m")),
            ("spBv1.0/g/NDATA/e", Some("g/e")),
            ("spBv1.0/g/DDATA/e/d", Some("g/e.d")),
            ("elsewhere", None),
        ] {
            assert_eq!(machine(topic).as_ref().map(MachineId::as_str), expect, "{topic}");
        }
    }

    #[test]
    fn topics_of_the_plants_own_lead_to_the_machine_that_their_rule_names() {
        let rule = |topic: &str, machine: &str| plant::mapping::Rule {
            name: plant::Name::new(topic.split('/').next().unwrap()).unwrap(),
            enabled: true,
            topic: topic.parse().unwrap(),
            format: plant::mapping::PayloadFormat::Json { each: None },
            site: "s".parse().unwrap(),
            machine: machine.parse().unwrap(),
            values: vec![plant::mapping::RuleValue {
                field: "/v".parse().unwrap(),
                point: "p".parse().unwrap(),
                unit: None,
                scale: 1.0,
                offset: 0.0,
                optional: false,
            }],
            time: None,
            filters: Vec::new(),
        };
        let rules = RuleSet::new(1, vec![rule("gw/{m}/data", "line-{m}"), rule("batch/#", "{/machine}")]).unwrap();
        for (topic, machine, by_payload) in [
            ("gw/7/data", Some("s/line-7"), true),
            ("batch/x", None, true),
            ("elsewhere", None, false),
            ("hj212/s", None, true),
            ("danxia/v1/s/m/telemetry", None, false),
        ] {
            assert_eq!(mapped(topic, &rules).as_ref().map(MachineId::as_str), machine, "{topic}");
            assert_eq!(of_payload(topic, &rules), by_payload, "{topic}");
        }
    }
}
