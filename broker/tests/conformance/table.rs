//! The table as a document, and the tests that hold it together.

use std::fmt::Write as _;
use std::path::Path;

use crate::statements::{Held, Part, V3, V5};

/// Where the named tests are.
const SOURCES: [(&str, &str); 17] = [
    ("conformance/connect", include_str!("connect.rs")),
    ("conformance/publish", include_str!("publish.rs")),
    ("conformance/sessions", include_str!("sessions.rs")),
    ("conformance/subscribe", include_str!("subscribe.rs")),
    ("door/access", include_str!("../door/access.rs")),
    ("door/delivery", include_str!("../door/delivery.rs")),
    ("door/hazards", include_str!("../door/hazards.rs")),
    ("door/intake", include_str!("../door/intake.rs")),
    ("door/interop", include_str!("../door/interop.rs")),
    ("door/letting_in", include_str!("../door/letting_in.rs")),
    ("door/malformed", include_str!("../door/malformed.rs")),
    ("door/retained", include_str!("../door/retained.rs")),
    ("door/rights", include_str!("../door/rights.rs")),
    ("door/shared", include_str!("../door/shared.rs")),
    ("door/stopping", include_str!("../door/stopping.rs")),
    ("door/tls", include_str!("../door/tls.rs")),
    ("door/websocket", include_str!("../door/websocket.rs")),
];

const INTRODUCTION: &str = "\
# MQTT conformance of the broker

What the OASIS standards MQTT 3.1.1 and MQTT 5.0 ask of a server, by the numbers of their normative statements, and the test
that shows how the broker holds each. The sentences are short forms; the standards' text counts. Written from
`broker/tests/conformance/`, which fails where a named test does not exist or this file is not what the table gives
(`UPDATE_DOCS=1 cargo test -p broker --test conformance` writes it). Every named test runs against a broker on a real socket.

Left out: statements that bind a client and leave a server nothing to do or to check.

**Chosen where the standards leave a choice.** Shared subscriptions, wildcards, subscription identifiers, retained messages
and QoS 2 are offered. Extended authentication is not: a CONNECT that asks for it gets 0x8C. Topic aliases are taken (64 per
connection) and not used towards clients. There is no response information and no server reference. A payload that
contradicts its format indicator is passed on: it is the collector that looks into payloads. PUBACK does not say that nobody
subscribed (0x10), because the platform itself takes every message. A will whose delay is not over when the service stops is
published then; a client that the stop itself sends away is not dead, and its will is not published. Topics that begin with
`$` are the platform's own: a client's PUBLISH to one is refused with 0x90. A lost QoS 1 message of a shared subscription goes
to another member; one of QoS 2 that is on its way stays its client's.

";

fn document() -> String {
    let mut out = INTRODUCTION.to_owned();
    for (title, parts) in [("MQTT 5.0", V5), ("MQTT 3.1.1", V3)] {
        let count = |kind: fn(&Held) -> bool| -> usize {
            let rows = parts.iter().flat_map(|part| part.rows);
            rows.filter(|row| kind(&row.held)).map(|row| row.ids.len()).sum()
        };
        let kept = count(|held| matches!(held, Held::Kept(_)));
        let refused = count(|held| matches!(held, Held::ByRefusal(..)));
        let not = count(|held| matches!(held, Held::Not(_)));
        let _ = writeln!(out, "## {title}\n");
        let _ = writeln!(out, "{kept} statements kept, {refused} kept by refusal, {not} not kept.\n");
        for part in parts {
            let _ = writeln!(
                out,
                "### {}\n\n| statement | what it asks | held | shown by |\n|---|---|---|---|",
                part.title
            );
            part.rows.iter().for_each(|row| {
                let ids: Vec<_> = row.ids.iter().map(|id| format!("`MQTT-{id}`")).collect();
                let (held, tests) = match &row.held {
                    Held::Kept(tests) => ("kept".to_owned(), *tests),
                    Held::ByRefusal(how, tests) => (format!("by refusal: {how}"), *tests),
                    Held::Not(why) => (format!("**not**: {why}"), &[][..]),
                };
                let tests: Vec<_> = tests.iter().map(|test| format!("`{test}`")).collect();
                let _ = writeln!(out, "| {} | {} | {held} | {} |", ids.join(" "), row.asks, tests.join("<br>"));
            });
            out.push('\n');
        }
    }
    out
}

fn all(parts: &'static [Part]) -> impl Iterator<Item = &'static str> {
    parts.iter().flat_map(|part| part.rows).flat_map(|row| row.ids.iter().copied())
}

#[test]
fn every_named_test_exists() {
    for row in V5.iter().chain(V3).flat_map(|part| part.rows) {
        let tests = match &row.held {
            Held::Kept(tests) | Held::ByRefusal(_, tests) => {
                assert!(!tests.is_empty(), "{:?} names no test", row.ids);
                *tests
            }
            Held::Not(why) => {
                assert!(!why.is_empty());
                &[]
            }
        };
        for test in tests {
            let (file, name) = test.split_once("::").expect("file::test");
            let source =
                SOURCES.iter().find(|(known, _)| *known == file).unwrap_or_else(|| panic!("{test}: no such file"));
            let declared = source.1.split_once(&format!("fn {name}("));
            let (before, _) = declared.unwrap_or_else(|| panic!("{:?}: {test} does not exist", row.ids));
            let attribute =
                before.trim_end().rsplit('\n').find(|line| !line.trim().is_empty() && !line.contains("async"));
            assert!(attribute.is_some_and(|line| line.contains("test")), "{test} is no test: {attribute:?}");
        }
    }
}

#[test]
fn every_statement_is_listed_once() {
    for parts in [V5, V3] {
        let mut ids: Vec<_> = all(parts).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}

#[test]
fn the_document_says_what_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/mqtt-conformance.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, document()).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == document(), "docs/mqtt-conformance.md is not what the table gives; UPDATE_DOCS=1 writes it");
}
