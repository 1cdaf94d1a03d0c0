//! Each channel against a server that checks what it is sent.

#![allow(clippy::unwrap_used, reason = "the helpers of a test are a test")]

mod stand_in;

use std::sync::Arc;

use jiff::tz::TimeZone;
use notify::channel::{Hook, Setup};
use notify::letter::{Item, Letter};
use notify::state::What;
use notify::step::Facts;
use notify::words::Language;
use notify::{Outcome, channel};
use plant::{Timestamp, Title};
use stand_in::{Fault, Going, Kind, StandIn, means};

/// A name that tries everything at once.
const HOSTILE: &str = "fan\r\nBcc: all@x\n[x](http://evil.example) <at id=all></at> **b** @all\u{202e}";

fn item(n: u64, machine: &str) -> Item {
    let facts = Facts {
        alarm: format!("{n:016x}"),
        priority: 1,
        machine: format!("mill/{machine}"),
        title: Title { zh: Some(machine.into()), en: None },
        area: Some("press".into()),
        point: Some("temp".into()),
        condition: "high_high".into(),
        value: Some(92.127),
        limit: Some(90.0),
        unit: Some("°C"),
        t: Timestamp::from_secs(1_796_004_000),
        action: Title::default(),
    };
    Item { facts, what: What::Raised, level: 0, link: format!("https://danxia.example/#/alarms/{n:016x}") }
}

fn letter(items: Vec<Item>, more: u32) -> Letter {
    Letter {
        key: format!("key-{}-{more}", items.len()),
        language: Language::En,
        to: None,
        whom: vec!["Lin".into()],
        items,
        more,
        overview: "https://danxia.example/#/alarms".into(),
        zone: TimeZone::get("Asia/Shanghai").unwrap(),
    }
}

fn setup(kind: Kind, hook: Hook) -> Setup {
    match kind {
        Kind::Webhook => Setup::Webhook(hook),
        Kind::WeCom => Setup::WeCom(hook),
        Kind::DingTalk => Setup::DingTalk(hook),
        Kind::Feishu => Setup::Feishu(hook),
    }
}

const KINDS: [Kind; 4] = [Kind::Webhook, Kind::WeCom, Kind::DingTalk, Kind::Feishu];

fn code(outcome: &Outcome) -> &'static str {
    outcome.failure().map_or("", |(code, _)| code)
}

#[tokio::test]
async fn a_signed_message_is_taken_and_says_what_where_how_much_and_what_to_do() {
    let clock = Going::new();
    for kind in KINDS {
        let server = StandIn::start(kind, "secret", clock.clone()).await;
        let setup = setup(kind, server.hook("secret"));
        for l in [letter(vec![item(1, "Fan 3")], 0), letter(vec![item(1, "a"), item(2, "b")], 7), letter(vec![], 0)] {
            assert_eq!(setup.send(&l, &means(clock.clone())).await, Outcome::Accepted, "{kind:?}");
        }
        let world = server.world();
        let [one, two, test] = &world.taken[..] else { panic!("{kind:?}: {}", world.taken.len()) };
        let text = one.body.to_string();
        for wanted in [
            "🛑 1 Above the high-high limit",
            "Fan 3",
            "92.13 °C",
            "90 °C",
            "Check the machine now",
            "/#/alarms/0000000000000001",
        ] {
            let held = text.contains(wanted) || (kind == Kind::Webhook && wanted.contains("°C"));
            assert!(held, "{kind:?} lacks {wanted}: {text}");
        }
        // By the plant's clocks; the webhook is for programs and has milliseconds.
        assert!(text.contains("2026-11-30 10:00:00") || text.contains("\"t_ms\":1796004000000"), "{kind:?}: {text}");
        let text = two.body.to_string();
        assert!(text.contains("9 alarms") && text.contains("🛑 1 × 2"), "{kind:?}: {text}");
        assert!(text.contains("and 7 more") || text.contains("\"more\":7"), "{kind:?}: {text}");
        assert!(test.body.to_string().contains("Test message"), "{kind:?}");
        if kind == Kind::Webhook {
            assert_eq!([&*one.key, &*two.key, &*test.key], ["key-1-0", "key-2-7", "key-0-0"]);
            assert_eq!(one.body["alarms"][0]["value"], 92.127);
            assert_eq!([&one.body["kind"], &two.body["kind"], &test.body["kind"]], ["alarm", "digest", "test"]);
        }
    }
}

#[tokio::test]
async fn a_wrong_secret_and_a_wrong_address_bar_the_channel() {
    let clock = Going::new();
    for (kind, expect) in [(Kind::Webhook, "forbidden"), (Kind::DingTalk, "unsigned"), (Kind::Feishu, "unsigned")] {
        let server = StandIn::start(kind, "secret", clock.clone()).await;
        let said = setup(kind, server.hook("wrong")).send(&letter(vec![item(1, "a")], 0), &means(clock.clone())).await;
        assert!(matches!(said, Outcome::Barred { .. }) && code(&said) == expect, "{kind:?}: {said:?}");
        assert!(server.world().taken.is_empty());
    }
    for kind in [Kind::WeCom, Kind::DingTalk] {
        let server = StandIn::start(kind, "secret", clock.clone()).await;
        let mut hook = server.hook("secret");
        hook.url.path = hook.url.path.replace("0123", "4567");
        let said = setup(kind, hook).send(&letter(vec![item(1, "a")], 0), &means(clock.clone())).await;
        assert!(matches!(said, Outcome::Barred { code: "forbidden", .. }), "{kind:?}: {said:?}");
    }
}

#[tokio::test]
async fn the_twenty_first_message_of_a_minute_is_told_to_wait_though_http_says_200() {
    let clock = Going::new();
    for (kind, most, pause) in [(Kind::WeCom, 20, 60), (Kind::DingTalk, 20, 600), (Kind::Feishu, 100, 60)] {
        let server = StandIn::start(kind, "secret", clock.clone()).await;
        let (setup, l) = (setup(kind, server.hook("secret")), letter(vec![item(1, "a")], 0));
        for _ in 0..most {
            assert_eq!(setup.send(&l, &means(clock.clone())).await, Outcome::Accepted, "{kind:?}");
        }
        match setup.send(&l, &means(clock.clone())).await {
            Outcome::Later { code: "throttled", after: Some(after), .. } => assert_eq!(after.as_secs(), pause),
            other => panic!("{kind:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn no_name_breaks_out_of_a_message() {
    let clock = Going::new();
    for kind in KINDS {
        let server = StandIn::start(kind, "secret", clock.clone()).await;
        let setup = setup(kind, server.hook("secret"));
        let one = item(1, HOSTILE);
        for l in [letter(vec![one.clone()], 0), letter(vec![one.clone(), one.clone()], 0)] {
            assert_eq!(setup.send(&l, &means(clock.clone())).await, Outcome::Accepted, "{kind:?}");
        }
        let world = server.world();
        for taken in &world.taken {
            let markdown = [&taken.body["markdown"]["content"], &taken.body["actionCard"]["text"]];
            for text in markdown.into_iter().filter_map(|t| t.as_str()) {
                for bad in ["](http://evil", "<at", "@all", "**b**", "\r", "\u{202e}", "://evil"] {
                    assert!(!text.contains(bad), "{kind:?}: {bad:?} in {text}");
                }
                assert!(!text.contains("\nBcc"), "{text}");
            }
            // Feishu's texts and the fields of WeCom's cards are plain text, which has no markup: only lines could break out.
            let title = [
                &taken.body["card"]["header"]["title"]["content"],
                &taken.body["template_card"]["main_title"]["title"],
                &taken.body["actionCard"]["title"],
                &taken.body["title"],
            ];
            for text in title.into_iter().filter_map(|t| t.as_str()) {
                assert!(!text.contains(['\r', '\n', '\u{202e}']), "{kind:?}: {text:?}");
            }
        }
        if kind == Kind::Feishu {
            let tags = world.taken[0].body["card"].to_string();
            assert!(!tags.contains("lark_md"), "{tags}");
        }
    }
}

#[tokio::test]
async fn every_way_to_fail_has_its_code_and_says_whether_it_passes() {
    let clock = Going::new();
    let server = StandIn::start(Kind::Feishu, "secret", clock.clone()).await;
    let setup = Setup::Feishu(server.hook("secret"));
    let l = letter(vec![item(1, "a")], 0);
    for (fault, expect, passes) in [
        (Fault::Say(500, "oops"), "server_error", true),
        (Fault::Say(429, ""), "throttled", true),
        (Fault::Say(302, ""), "redirected", false),
        (Fault::Say(404, "no such bot"), "forbidden", false),
        (Fault::Say(400, "{}"), "refused", false),
        (Fault::Say(200, "<html>a proxy</html>"), "unreadable", true),
        (Fault::Say(200, "{\"code\":9499,\"msg\":\"too many request\"}"), "throttled", true),
        (Fault::Say(200, "{\"code\":9499,\"msg\":\"Bad Request\"}"), "refused", false),
        (Fault::Say(200, "{\"StatusCode\":0}"), "", false),
        (Fault::Hang, "late", true),
    ] {
        server.fail([fault.clone()]);
        let said = setup.send(&l, &means(clock.clone())).await;
        assert_eq!((code(&said), matches!(said, Outcome::Later { .. })), (expect, passes), "{fault:?}: {said:?}");
    }
    let said = setup.send(&l, &channel::Means { policy: fetch::Policy::default(), ..means(clock.clone()) }).await;
    assert!(matches!(said, Outcome::Barred { code: "address_loopback", .. }), "{said:?}");
    assert!(server.world().taken.is_empty());
}

#[tokio::test]
async fn secrets_are_not_shown() {
    let clock: Arc<Going> = Going::new();
    let server = StandIn::start(Kind::DingTalk, "secret", clock).await;
    let shown = format!("{:?}", Setup::DingTalk(server.hook("very-secret")));
    assert!(!shown.contains("very-secret") && !shown.contains("0123"), "{shown}");
}
