//! A group robot of WeCom (企业微信群机器人).
//!
//! By "Group robot configuration" of the WeCom developer centre (developer.work.weixin.qq.com/document/path/91770): the
//! address holds the key; one alarm is a `template_card` of the kind `text_notice`, whose fields are plain text, several are
//! `markdown` of at most 4096 bytes. HTTP 200 is answered whatever happened; `errcode` says it. By the global error codes
//! (path/90313): 45009 too many calls, 93000 the address is not valid, -1 busy, 6000 overtaken by another call.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Hook, Meaning, Means, outcome, post, said};
use crate::escape::{markdown, one_line};
use crate::letter::Letter;
use crate::outcome::Outcome;

/// The longest Markdown, bytes.
const LONGEST: usize = 4_096;
/// Fields of a card, at most.
const FIELDS: usize = 6;
/// Twenty a minute: after a minute there is room again.
const MINUTE: Duration = Duration::from_secs(60);

pub(super) async fn send(hook: &Hook, letter: &Letter, means: &Means) -> Outcome {
    let reply = match post(hook, &hook.url.path, Vec::new(), body(letter).to_string(), means).await {
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
        45_009 | 45_033 => Meaning::Throttled(MINUTE),
        -1 | 6_000 => Meaning::Busy,
        93_000 | 40_001 | 40_014 => Meaning::Ours("forbidden"),
        _ => Meaning::Message,
    }
}

fn body(letter: &Letter) -> Value {
    let [item] = &letter.items[..] else { return list(letter) };
    if letter.more > 0 {
        return list(letter);
    }
    let rows = letter.rows(item);
    let fields: Vec<_> = rows.into_iter().take(FIELDS).map(|(k, v)| json!({"keyname": k, "value": v})).collect();
    let (text, link) = letter.button();
    let mut card = json!({
        "card_type": "text_notice",
        "source": { "desc": "Danxia" },
        "main_title": { "title": letter.title(), "desc": letter.urgency(item) },
        "horizontal_content_list": fields,
        "jump_list": [{ "type": 1, "title": text, "url": link }],
        "card_action": { "type": 1, "url": link },
    });
    let action = letter.action(item);
    if !action.is_empty() {
        card["sub_title_text"] = one_line(&action, 112).into();
    }
    json!({ "msgtype": "template_card", "template_card": card })
}

/// Several alarms, or a test.
fn list(letter: &Letter) -> Value {
    let (text, link) = letter.button();
    let end = format!("\n{}\n[{text}]({link})", letter.rest());
    let mut out = format!("**{}**", markdown(&letter.title()));
    for item in &letter.items {
        let line = format!("\n{}", markdown(&letter.headline(item)));
        if out.len() + line.len() + end.len() > LONGEST {
            break;
        }
        out.push_str(&line);
    }
    out.push_str(&end);
    json!({ "msgtype": "markdown", "markdown": { "content": out } })
}
