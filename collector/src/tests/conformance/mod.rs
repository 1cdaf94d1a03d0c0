//! What of the Eclipse Sparkplug 3.0.0 specification a host application must do, and what shows that this one does it.
//!
//! `docs/sparkplug-conformance.md` is written from the table below: `UPDATE_DOCS=1 cargo test -p collector conformance`.
//! Identifiers are those of the specification's testable assertions; the sentences are ours.

macro_rules! in_file {
    ($file:literal, $($test:ident),+) => { Shown(&[$(concat!($file, "::", stringify!($test))),+]) };
}
macro_rules! host { ($($t:ident),+) => { in_file!("collector/src/sparkplug/host.rs", $($t),+) }; }
macro_rules! session { ($($t:ident),+) => { in_file!("collector/src/tests/sparkplug.rs", $($t),+) }; }
macro_rules! order { ($($t:ident),+) => { in_file!("collector/src/tests/sparkplug_order.rs", $($t),+) }; }
macro_rules! store {
    ($($t:ident),+) => {
        in_file!("collector/tests/sparkplug.rs", $($t),+)
    };
}
macro_rules! values { ($($t:ident),+) => { in_file!("collector/src/tests/sparkplug_values.rs", $($t),+) }; }
macro_rules! app {
    () => {
        in_file!("app/tests/sparkplug.rs", an_edge_node_is_told_that_the_host_is_there_and_that_it_goes)
    };
}

mod data;
mod state;

use std::fmt::Write as _;
use std::path::Path;

/// What is so of an assertion.
enum Answer {
    /// These tests show it: `file::test`.
    Shown(&'static [&'static str]),
    /// It does not apply, and why.
    Not(&'static str),
}

use Answer::{Not, Shown};
use data::{COMMANDS, DEATHS, READING, REORDER};
use state::{SESSION, STATE};

struct Row(&'static str, &'static str, Answer);

struct Section {
    title: &'static str,
    says: &'static str,
    rows: &'static [Row],
}

const TABLE: &[Section] = &[
    Section {
        title: "STATE: birth and death of the host application",
        says: "On the embedded broker. For a session on a broker of somebody else, `collector::sparkplug` offers topic, birth and \
               death; what its connection does with them is shown there.",
        rows: STATE,
    },
    Section { title: "Session", says: "", rows: SESSION },
    Section { title: "Deaths of nodes and devices", says: "", rows: DEATHS },
    Section {
        title: "Order",
        says: "Values are taken at once whatever their order, for they have times of their own; the window decides whether a gap \
               is a loss.",
        rows: REORDER,
    },
    Section { title: "Commands", says: "", rows: COMMANDS },
    Section {
        title: "What edge nodes must send",
        says: "These bind edge nodes. What is shown is that a host reads what keeps them, and what becomes of what does not.",
        rows: READING,
    },
];

const HEAD: &str = "# Sparkplug 3.0 conformance of the host application

Which testable assertions of the Eclipse Sparkplug Specification 3.0.0 concern a host application, and which test shows that
this one keeps them, or why they do not apply. Identifiers are the specification's; the sentences are short forms, and the
specification's text counts. Written from `collector/src/tests/conformance/`, which fails where a named test does not exist
or this file is not what the table gives (`UPDATE_DOCS=1 cargo test -p collector conformance` writes it).

Left out: what binds edge nodes or MQTT servers only and leaves a host application nothing to show. The compatibility kit
itself (TCK) was not run.
";

fn document() -> String {
    let mut out = HEAD.to_owned();
    for Section { title, says, rows } in TABLE {
        let _ = write!(out, "\n## {title}\n\n");
        if !says.is_empty() {
            let _ = write!(out, "{says}\n\n");
        }
        out.push_str("| assertion | what it asks | shown by |\n|---|---|---|\n");
        for Row(id, asks, answer) in *rows {
            let answer = match answer {
                Not(why) => format!("does not apply: {why}"),
                Shown(tests) => tests.iter().map(|t| format!("`{t}`")).collect::<Vec<_>>().join(", "),
            };
            let _ = writeln!(out, "| `{id}` | {asks} | {answer} |");
        }
    }
    out
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
fn the_conformance_table_names_tests_that_exist_and_each_assertion_once() {
    let mut ids = std::collections::BTreeSet::new();
    for Row(id, _, answer) in TABLE.iter().flat_map(|s| s.rows) {
        assert!(ids.insert(id), "{id} stands twice");
        assert!(id.starts_with("tck-id-"), "{id}");
        let Shown(tests) = answer else { continue };
        for test in *tests {
            let (file, name) = test.rsplit_once("::").unwrap();
            let source = std::fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{id}: {file}: {e}"));
            let (before, _) =
                source.split_once(&format!("fn {name}(")).unwrap_or_else(|| panic!("{id}: no test {test}"));
            let attributes = before.rsplit("\n\n").next().unwrap();
            assert!(attributes.contains("#[test]") || attributes.contains("#[tokio::test]"), "{id}: {test} is no test");
        }
    }
    assert!(ids.len() > 100, "{} assertions", ids.len());
}

#[test]
fn the_conformance_document_is_what_the_table_gives() {
    let path = root().join("docs/sparkplug-conformance.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, document()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == document(), "run UPDATE_DOCS=1 cargo test -p collector conformance");
}
