//! A group robot of Feishu (飞书自定义机器人).
//!
//! By "Custom bot guide" of the Feishu open platform (open.feishu.cn/document/client-docs/bot-v3/add-custom-bot): the
//! address holds the token; with "signature verification", seconds and their signature stand in the body and may be an hour
//! from their clock. A card is `interactive`; all its texts are `plain_text` here, which has no markup. 100 messages a
//! minute and five a second are taken, of at most 20 KB. `code` in the body says what happened: 19021 the signature or its
//! time is wrong, 19022 the address is not allowed, 19024 a keyword is missing, 9499 and 11232 too many, 19001 the token is
//! not known.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Hook, Meaning, Means, outcome, post, said, sign};
use crate::letter::Letter;
use crate::outcome::Outcome;

const MINUTE: Duration = Duration::from_secs(60);

pub(super) async fn send(hook: &Hook, letter: &Letter, means: &Means, millis: i64) -> Outcome {
    let seconds = millis / 1_000;
    let mut body = json!({ "msg_type": "interactive", "card": card(letter) });
    if let Some(secret) = &hook.secret {
        body["timestamp"] = seconds.to_string().into();
        body["sign"] = sign::feishu(secret.text(), seconds).into();
    }
    let reply = match post(hook, &hook.url.path, Vec::new(), body.to_string(), means).await {
        Ok(reply) => reply,
        Err(outcome) => return outcome,
    };
    match said(&reply, &["code", "StatusCode"], &["msg", "StatusMessage"]) {
        Err(outcome) => outcome,
        Ok((code, text)) => outcome(meaning(code, &text), code, &text),
    }
}

fn meaning(code: i64, text: &str) -> Meaning {
    match code {
        0 => Meaning::Taken,
        11_232 => Meaning::Throttled(MINUTE),
        // Said of a body that is not understood, too.
        9_499 if text.contains("too many") => Meaning::Throttled(MINUTE),
        19_021 => Meaning::Ours("unsigned"),
        19_001 | 19_022 | 19_024 => Meaning::Ours("forbidden"),
        _ => Meaning::Message,
    }
}

fn card(letter: &Letter) -> Value {
    let plain = |text: &str| json!({ "tag": "plain_text", "content": text });
    let div = |text: &str| json!({ "tag": "div", "text": plain(text) });
    let mut elements = Vec::new();
    match &letter.items[..] {
        [only] if letter.more == 0 => {
            elements.push(div(&letter.urgency(only)));
            let field = |(k, v)| json!({ "is_short": true, "text": plain(&format!("{k}\n{v}")) });
            let fields: Vec<_> = letter.rows(only).into_iter().map(field).collect();
            elements.push(json!({ "tag": "div", "fields": fields }));
            let action = letter.action(only);
            if !action.is_empty() {
                elements.push(div(&action));
            }
        }
        items => {
            elements.extend(items.iter().map(|i| div(&letter.headline(i))));
            if letter.more > 0 {
                elements.push(div(&letter.rest()));
            }
        }
    }
    let (button, link) = letter.button();
    elements.push(json!({
        "tag": "action",
        "actions": [{ "tag": "button", "type": "primary", "text": plain(button), "url": link }],
    }));
    let colour = match letter.priority() {
        1 => "red",
        2 => "orange",
        3 => "yellow",
        _ => "purple",
    };
    json!({ "header": { "title": plain(&letter.title()), "template": colour }, "elements": elements })
}
