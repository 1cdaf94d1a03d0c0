//! A group robot of DingTalk (钉钉自定义机器人).
//!
//! By "Custom robot access" of the DingTalk open platform (open.dingtalk.com/document/orgapp/custom-robot-access): the
//! address holds the token; with "signature" as security setting, milliseconds and their signature are added to the query
//! and may be an hour from their clock. A card is an `actionCard` whose text is Markdown. HTTP 200 is answered whatever
//! happened; `errcode` says it: 130101 more than 20 messages in a minute (then nothing is taken for ten), 410100 too
//! fast, 310000 the security setting is not met (signature, keyword or address), 300001, 300005 and 400101 the token is not
//! known, 400013 the group is gone, 400102 and 400106 the robot is, -1 busy.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Hook, Meaning, Means, outcome, post, said, sign};
use crate::escape::markdown;
use crate::letter::{Item, Letter};
use crate::outcome::Outcome;

/// Who sends too much is not heard for so long.
const THROTTLED: Duration = Duration::from_secs(600);

pub(super) async fn send(hook: &Hook, letter: &Letter, means: &Means, millis: i64) -> Outcome {
    let path = match &hook.secret {
        None => hook.url.path.clone(),
        Some(secret) => {
            let join = if hook.url.path.contains('?') { '&' } else { '?' };
            let sign = sign::dingtalk(secret.text(), millis);
            format!("{}{join}timestamp={millis}&sign={sign}", hook.url.path)
        }
    };
    let reply = match post(hook, &path, Vec::new(), body(letter).to_string(), means).await {
        Ok(reply) => reply,
        Err(outcome) => return outcome,
    };
    match said(&reply, &["errcode"], &["errmsg"]) {
        Err(outcome) => outcome,
        Ok((code, text)) => outcome(meaning(code), code, &text),
    }
}

const fn meaning(code: i64) -> Meaning {
    match code {
        0 => Meaning::Taken,
        130_101 | 410_100 => Meaning::Throttled(THROTTLED),
        -1 => Meaning::Busy,
        310_000 => Meaning::Ours("unsigned"),
        300_001 | 300_005 | 400_013 | 400_101 | 400_102 | 400_106 => Meaning::Ours("forbidden"),
        _ => Meaning::Message,
    }
}

fn body(letter: &Letter) -> Value {
    let mut text = format!("### {}\n", markdown(&letter.title()));
    match &letter.items[..] {
        [] => text.push_str(""),
        [only] if letter.more == 0 => text.push_str(&card(letter, only)),
        items => {
            for item in items {
                text.push_str(&format!("\n- {}", markdown(&letter.headline(item))));
            }
            text.push_str(&format!("\n\n{}", letter.rest()));
        }
    }
    let (button, link) = letter.button();
    json!({
        "msgtype": "actionCard",
        "actionCard": {
            "title": letter.title(),
            "text": text,
            "singleTitle": button,
            "singleURL": link,
        },
    })
}

fn card(letter: &Letter, item: &Item) -> String {
    let mut out = format!("\n**{}**\n", markdown(&letter.urgency(item)));
    for (label, value) in letter.rows(item) {
        out.push_str(&format!("\n- {label}: {}", markdown(&value)));
    }
    let action = letter.action(item);
    if !action.is_empty() {
        out.push_str(&format!("\n\n{}", markdown(&action)));
    }
    out
}
