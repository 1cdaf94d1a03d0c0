//! A webhook of the plant's own: JSON, signed, with a key by which a message that comes twice is told.
//!
//! Headers: `Danxia-Timestamp`, seconds since 1970; `Danxia-Signature`, `v1=` and the hexadecimal HMAC-SHA256 of the
//! timestamp, a full stop and the body as it was sent, under the shared secret; `Idempotency-Key`, the same for every
//! attempt. A receiver compares signatures in constant time and refuses timestamps that are far from its own clock.

use hyper::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::{Hook, Means, post, sign, status};
use crate::letter::{Item, Letter};
use crate::outcome::Outcome;
use crate::state::What;

/// Seconds since 1970.
pub const TIMESTAMP: HeaderName = HeaderName::from_static("danxia-timestamp");
/// `v1=` and the signature.
pub const SIGNATURE: HeaderName = HeaderName::from_static("danxia-signature");
/// The message's key.
pub const KEY: HeaderName = HeaderName::from_static("idempotency-key");

pub(super) async fn send(hook: &Hook, letter: &Letter, means: &Means, millis: i64) -> Outcome {
    let (body, seconds) = (body(letter, millis).to_string(), millis / 1_000);
    let mut headers = vec![(TIMESTAMP, HeaderValue::from(seconds))];
    // Hexadecimal digits, and what this crate made itself: both are headers.
    headers.extend(HeaderValue::from_str(&letter.key).map(|v| (KEY, v)));
    if let Some(secret) = &hook.secret {
        let signature = format!("v1={}", sign::webhook(secret.bytes(), seconds, &body));
        headers.extend(HeaderValue::from_str(&signature).map(|v| (SIGNATURE, v)));
    }
    match post(hook, &hook.url.path, headers, body, means).await {
        Err(outcome) => outcome,
        Ok(reply) if (200..=299).contains(&reply.status) => Outcome::Accepted,
        Ok(reply) => status(&reply),
    }
}

fn body(letter: &Letter, millis: i64) -> Value {
    let kind = match &letter.items[..] {
        [] => "test",
        _ if letter.digest() => "digest",
        _ => "alarm",
    };
    json!({
        "version": 1,
        "kind": kind,
        "key": letter.key,
        "sent_at_ms": millis,
        "title": letter.title(),
        "for": letter.whom,
        "alarms": letter.items.iter().map(|i| alarm(letter, i)).collect::<Vec<_>>(),
        "more": letter.more,
        "url": letter.overview,
    })
}

fn alarm(letter: &Letter, item: &Item) -> Value {
    let f = &item.facts;
    json!({
        "id": f.alarm,
        "what": match item.what {
            What::Raised => "raised",
            What::Escalated => "escalated",
            What::Returned => "returned",
        },
        "level": item.level,
        "priority": f.priority,
        "machine": f.machine,
        "machine_title": { "en": f.title.en.as_deref(), "zh-CN": f.title.zh.as_deref() },
        "area": f.area,
        "point": f.point,
        "condition": f.condition,
        "value": f.value,
        "limit": f.limit,
        "unit": f.unit,
        "t_ms": f.t.nanos() / 1_000_000,
        "message": letter.headline(item),
        "action": letter.action(item),
        "url": item.link,
    })
}
