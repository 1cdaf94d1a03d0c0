//! The rules of the house that a machine can hold: who may know whom, and what may not stand in the sources.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("app lies in the workspace").to_owned()
}

/// Crate → the rooms it may depend on, dev-dependencies included. DESIGN: plant <- historian <- collector, analytics,
/// web <- app; broker and seeds share the outbox, which knows nobody; broker knows no other room; seeds -> plant,
/// collector (for its wire formats).
const ARROWS: &[(&str, &[&str])] = &[
    ("plant", &[]),
    ("outbox", &[]),
    ("broker", &["outbox"]),
    ("historian", &["plant", "faults"]),
    ("faults", &[]),
    ("collector", &["plant", "historian"]),
    ("analytics", &["plant", "historian"]),
    ("web", &["plant", "historian"]),
    ("seeds", &["plant", "collector", "outbox"]),
    ("danxia", &["plant", "outbox", "broker", "historian", "collector", "analytics", "web", "seeds"]),
];

#[test]
fn the_crates_know_only_whom_they_may() {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let meta: serde_json::Value = serde_json::from_slice(&out.stdout).expect("cargo metadata prints JSON");
    let packages = meta["packages"].as_array().expect("packages");
    let allowed: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let rooms: Vec<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    let mut known: Vec<&str> = allowed.keys().copied().collect();
    let mut found = rooms.clone();
    known.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, known, "a room was added or removed: redraw ARROWS and DESIGN");
    for p in packages {
        let name = p["name"].as_str().expect("a name");
        for d in p["dependencies"].as_array().expect("dependencies") {
            let on = d["name"].as_str().expect("a name");
            let room = rooms.contains(&on);
            assert!(!room || allowed[name].contains(&on), "{name} must not depend on {on}");
            assert!(on != "faults" || d["kind"] == "dev", "{on}, the disk that fails, is for tests: not for {name}");
        }
    }
}

/// Seeds may use the collector's wire formats and nothing else of it.
#[test]
fn seeds_use_only_the_wire_formats_of_the_collector() {
    for file in sources(&root().join("seeds/src")) {
        let text = std::fs::read_to_string(&file).expect("a source file is readable");
        for (n, line) in text.lines().enumerate() {
            let bad = line.match_indices("collector::").any(|(i, m)| {
                let rest = &line[i + m.len()..];
                !(rest.starts_with("wire") || rest.starts_with("topic"))
            });
            assert!(!bad, "{}:{}: {line}", file.display(), n + 1);
        }
    }
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a source directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            out.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
    out
}

/// Every reason that the quarantine can give has its words on the page, in both languages.
#[test]
fn every_reason_of_the_quarantine_is_put_into_words_in_both_languages() {
    for language in ["en", "zh-CN"] {
        let path = format!("{}/../web/ui/src/i18n/{language}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).expect("the catalogue");
        let words: BTreeMap<String, String> = serde_json::from_str(&text).expect("a catalogue");
        let missing: Vec<_> = collector::fault::Code::ALL
            .iter()
            .map(|c| format!("cause.{c}"))
            .filter(|key| words.get(key).is_none_or(String::is_empty))
            .collect();
        assert_eq!(missing, [""; 0], "{path}; web/ui/src/i18n/codes.ts lists them too");
    }
}
