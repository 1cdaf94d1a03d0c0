//! Every write of the API in the audit log: who, from where, what, on what, with which outcome.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use historian::{AUDIT_OK, AuditRecord};
use plant::Timestamp;
use serde_json::{Map, Value};

use super::{Accounts, How, Who};
use crate::turns::Peer;

/// What is kept of a body, bytes.
const EXCERPT: usize = 600;
/// Refused writes of one asker from one address that are written down within [`SPAN`]; the others are counted.
const REFUSALS: u32 = 30;
const SPAN: Duration = Duration::from_secs(60);
/// Askers whose refusals are counted. Where there are more, none of those is written down until some are over.
const ASKERS: usize = 1_000;

/// What a route writes, for the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Write {
    /// A stable code: `alarm.acknowledge`.
    pub(crate) code: &'static str,
    /// What of the body is shown.
    pub(crate) shown: Shown,
}

/// What of a body the audit log shows. Fields are named, so that a secret under a name that nobody thought of does not
/// come into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// All of it: it can hold no secret.
    All,
    /// These fields.
    Fields(&'static [&'static str]),
}

/// Bears an answer whose handler has written its entry itself, in one transaction with what it tells of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noted;

/// Who asks, and from where.
type Asker = (Arc<str>, Peer);

/// Bounds what those who are refused can write: since when how many were counted, by asker.
#[derive(Default)]
pub(crate) struct Quota(Mutex<HashMap<Asker, (Timestamp, u32)>>);

impl Quota {
    /// Whether one more refusal is written down; how many were not, when it is the first of a new span.
    fn take(&self, who: &Arc<str>, peer: Peer, now: Timestamp) -> Option<u32> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (who.clone(), peer);
        if all.len() >= ASKERS && !all.contains_key(&key) {
            all.retain(|_, (since, _)| *since + SPAN > now);
            if all.len() >= ASKERS {
                return None;
            }
        }
        let (since, n) = all.entry(key).or_insert((now, 0));
        let mut left_out = 0;
        if *since + SPAN <= now {
            left_out = n.saturating_sub(REFUSALS);
            (*since, *n) = (now, 0);
        }
        *n = n.saturating_add(1);
        (*n <= REFUSALS).then_some(left_out)
    }
}

/// Writes down what came of a write. On disk before its answer goes out; where that fails the log of the server says so,
/// because what was done is done.
pub(crate) async fn write_down(
    accounts: &Arc<Accounts>,
    quota: &Quota,
    (who, peer): (&Who, Peer),
    what: Write,
    (params, body): (&[String], &[u8]),
    outcome: &'static str,
) {
    let (name, mut now) = excerpt(what.shown, body);
    if outcome != AUDIT_OK {
        match quota.take(&who.name, peer, accounts.now()) {
            None => return,
            Some(0) => {}
            Some(n) => now.push_str(&format!(" ({n} refusals before it are not listed)")),
        }
    }
    let record = AuditRecord {
        t: accounts.now(),
        who: if who.how == How::Open { "(nobody logged in)".into() } else { who.name.to_string() },
        origin: peer.0.to_string(),
        action: what.code.into(),
        subject: if params.is_empty() { name } else { params.join("/") },
        was: String::new(),
        now,
        outcome: outcome.into(),
    };
    let accounts = accounts.clone();
    let written = tokio::task::spawn_blocking(move || accounts.write_down(&record)).await;
    match written {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, action = what.code, "the audit log could not be written"),
        Err(error) => tracing::error!(%error, action = what.code, "the audit log could not be written"),
    }
}

/// The name that a body gives to what it is about, where that is shown, and what is shown of it.
fn excerpt(shown: Shown, body: &[u8]) -> (String, String) {
    if body.is_empty() {
        return Default::default();
    }
    let Ok(mut fields) = serde_json::from_slice::<Map<String, Value>>(body) else {
        return (String::new(), format!("({} bytes that are no JSON object)", body.len()));
    };
    if let Shown::Fields(named) = shown {
        fields.retain(|name, _| named.contains(&name.as_str()));
    }
    scrub(&mut fields);
    let name = fields.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let text = if fields.is_empty() { String::new() } else { Value::Object(fields).to_string() };
    if text.len() <= EXCERPT {
        return (name, text);
    }
    let end = (0..=EXCERPT).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    (name, format!("{}… ({} bytes)", &text[..end], body.len()))
}

/// Takes out what is called as secrets are, should somebody have sent one where none belongs.
fn scrub(fields: &mut Map<String, Value>) {
    let secret = |name: &str| {
        let name = name.to_lowercase();
        matches!(name.as_str(), "code" | "current" | "key")
            || ["pass", "secret", "token"].iter().any(|word| name.contains(word))
    };
    fields.retain(|name, _| !secret(name));
    fields.values_mut().for_each(scrub_value);
}

fn scrub_value(value: &mut Value) {
    match value {
        Value::Object(fields) => scrub(fields),
        Value::Array(values) => values.iter_mut().for_each(scrub_value),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_fields_of_a_body_are_shown_and_long_ones_are_cut() {
        const SOME: Shown = Shown::Fields(&["name", "role"]);
        for (shown, body, want) in [
            (Shown::All, "", ""),
            (Shown::All, "{\"by\":\"x\"}", "{\"by\":\"x\"}"),
            (Shown::All, "{\"a\":[{\"Password\":1,\"b\":2}],\"api_token\":3}", "{\"a\":[{\"b\":2}]}"),
            (Shown::Fields(&[]), "{\"name\":\"m\"}", ""),
            (SOME, "{\"name\":\"m\",\"password\":\"sesame\",\"passwort\":\"sesame\"}", "{\"name\":\"m\"}"),
            (SOME, "{\"password\":\"sesame", "(19 bytes that are no JSON object)"),
            (SOME, "[\"sesame\"]", "(10 bytes that are no JSON object)"),
        ] {
            assert_eq!(excerpt(shown, body.as_bytes()).1, want, "{body}");
        }
        let long = format!("{{\"by\":\"{}\"}}", "林".repeat(500));
        assert_eq!(excerpt(SOME, b"{\"name\":\"m\"}").0, "m");
        let cut = excerpt(Shown::All, long.as_bytes()).1;
        assert!(cut.len() < 650 && cut.ends_with("… (1509 bytes)"), "{cut}");
    }

    #[test]
    fn refusals_are_bounded_for_each_asker_and_counted() {
        let quota = Quota::default();
        let (lin, at) = (Arc::<str>::from("lin"), Timestamp::from_secs);
        let [here, there] = [[127, 0, 0, 1], [10, 0, 0, 1]].map(|a| Peer(a.into()));
        let taken = (0..50).filter(|_| quota.take(&lin, here, at(0)).is_some()).count();
        assert_eq!(taken, 30);
        assert_eq!(quota.take(&lin, there, at(0)), Some(0));
        assert_eq!(quota.take(&lin, here, at(59)), None);
        assert_eq!(quota.take(&lin, here, at(60)), Some(21), "those that were left out are told");
        for n in 0..2_000 {
            quota.take(&format!("n{n}").into(), here, at(61));
        }
        assert_eq!(quota.0.lock().unwrap().len(), ASKERS);
    }
}
