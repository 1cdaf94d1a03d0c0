//! The table as a document, and the tests that hold it together.

use std::fmt::Write as _;
use std::path::Path;

use crate::statements::{Held, Row, Standard, V3, V5};

/// Where the named tests are.
const SOURCES: [(&str, &str); 20] = [
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
    ("door/remote/faults", include_str!("../door/remote/faults.rs")),
    ("door/remote/intake", include_str!("../door/remote/intake.rs")),
    ("door/remote/publishing", include_str!("../door/remote/publishing.rs")),
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
(`UPDATE_DOCS=1 cargo test -p broker --test conformance` writes it). Every named test runs against a broker on a real socket;
those of `door/remote` run our session as a client of another broker, which is a script on a real socket.

A statement that says what a client does is marked as checked where the broker looks whether it is done; those that leave a
server nothing to look at are named at the end of each part and not listed. Numbers and sense were compared with appendix B
of both standards, whose numbers are all here: a test fails where one is missing, or one that the appendix does not have is
listed. The standards were read in copies that others have published, not in the files of OASIS itself.

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
    for standard in [&V5, &V3] {
        let count = |kind: fn(&Held) -> bool| -> usize {
            rows(standard).filter(|row| kind(&row.held)).map(|row| row.ids.len()).sum()
        };
        let kept = count(|held| matches!(held, Held::Kept(_)));
        let checked = count(|held| matches!(held, Held::Checked(_)));
        let refused = count(|held| matches!(held, Held::ByRefusal(..)));
        let not = count(|held| matches!(held, Held::Not(_)));
        let _ = writeln!(out, "## {}\n", standard.title);
        let _ = writeln!(
            out,
            "{} statements in appendix B: {kept} kept, {checked} that bind the client and are checked, {refused} kept by \
             refusal, {not} not kept, {} that bind a client only.\n\n{}\n",
            in_the_appendix(standard).len(),
            standard.client_only.len(),
            standard.compared
        );
        for part in standard.parts {
            let _ = writeln!(
                out,
                "### {}\n\n| statement | what it asks | held | shown by |\n|---|---|---|---|",
                part.title
            );
            part.rows.iter().for_each(|row| {
                let ids: Vec<_> = row.ids.iter().map(|id| format!("`MQTT-{id}`")).collect();
                let (held, tests) = match &row.held {
                    Held::Kept(tests) => ("kept".to_owned(), *tests),
                    Held::Checked(tests) => ("checked".to_owned(), *tests),
                    Held::ByRefusal(how, tests) => (format!("by refusal: {how}"), *tests),
                    Held::Not(why) => (format!("**not**: {why}"), &[][..]),
                };
                let tests: Vec<_> = tests.iter().map(|test| format!("`{test}`")).collect();
                let _ = writeln!(out, "| {} | {} | {held} | {} |", ids.join(" "), row.asks, tests.join("<br>"));
            });
            out.push('\n');
        }
        let ids: Vec<_> = standard.client_only.iter().map(|id| format!("`MQTT-{id}`")).collect();
        let _ = writeln!(out, "Not binding a broker, but a client only: {}.\n", ids.join(", "));
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn rows(standard: &Standard) -> impl Iterator<Item = &'static Row> {
    standard.parts.iter().flat_map(|part| part.rows)
}

fn in_the_appendix(standard: &Standard) -> Vec<String> {
    let section = |(section, first, last): &(&str, u8, u8)| -> Vec<String> {
        (*first..=*last).map(|n| format!("{section}-{n}")).collect()
    };
    standard.appendix_b.iter().flat_map(section).collect()
}

#[test]
fn every_named_test_exists() {
    for row in rows(&V5).chain(rows(&V3)) {
        let tests = match &row.held {
            Held::Kept(tests) | Held::Checked(tests) | Held::ByRefusal(_, tests) => {
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
fn every_number_of_appendix_b_is_listed_once_and_no_other() {
    for standard in [&V5, &V3] {
        let listed = rows(standard).flat_map(|row| row.ids).chain(standard.client_only);
        let mut listed: Vec<_> = listed.map(|id| (*id).to_owned()).collect();
        let mut appendix = in_the_appendix(standard);
        listed.sort_unstable();
        appendix.sort_unstable();
        assert_eq!(listed, appendix, "{}", standard.title);
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
