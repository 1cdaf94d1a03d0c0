//! The rules of the house that a machine can hold: who may know whom, and what may not stand in the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("app lies in the workspace").to_owned()
}

/// Crate → the rooms it may depend on, dev-dependencies included. DESIGN: plant <- historian <- collector, analytics,
/// web, influx, notify <- app; influx, notify and oidc fetch; broker and seeds share the outbox, which knows nobody; broker knows no other room; seeds -> plant,
/// collector (for its wire formats); files -> plant, and its tests read what it writes with the collector's decoders.
const ARROWS: &[(&str, &[&str])] = &[
    ("plant", &[]),
    ("outbox", &[]),
    ("broker", &["outbox"]),
    ("historian", &["plant", "faults"]),
    ("faults", &[]),
    ("collector", &["plant", "historian"]),
    ("analytics", &["plant", "historian"]),
    ("web", &["plant", "historian", "files"]),
    ("fetch", &["plant"]),
    ("oidc", &["plant", "fetch"]),
    ("influx", &["plant", "historian", "fetch"]),
    ("notify", &["plant", "historian", "fetch"]),
    ("files", &["plant", "collector"]),
    ("seeds", &["plant", "collector", "outbox"]),
    (
        "danxia",
        &[
            "plant",
            "outbox",
            "broker",
            "historian",
            "collector",
            "analytics",
            "web",
            "influx",
            "seeds",
            "files",
            "fetch",
            "notify",
            "oidc",
        ],
    ),
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
            let witness = name == "files" && on == "collector";
            assert!(!witness || d["kind"] == "dev", "files must not depend on collector but in tests");
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

/// The texts of the page in one language, by key.
fn catalogue(language: &str) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(root().join(format!("web/ui/src/i18n/{language}.json"))).expect("the catalogue");
    serde_json::from_str(&text).expect("a catalogue")
}

/// Holds that the page has words for every code of a family, in both languages, and for no code that is none.
fn in_words(family: &str, codes: &BTreeSet<String>) {
    for language in ["en", "zh-CN"] {
        let words: BTreeSet<String> = catalogue(language)
            .into_iter()
            .filter(|(_, text)| !text.trim().is_empty())
            .filter_map(|(key, _)| Some(key.strip_prefix(family)?.strip_prefix('.')?.to_owned()))
            .collect();
        assert_eq!(&words, codes, "{family}.* in {language}.json; web/ui/src/i18n/codes.ts lists them too");
    }
}

/// Every reason that the quarantine can give has its words on the page, in both languages.
#[test]
fn every_reason_of_the_quarantine_is_put_into_words_in_both_languages() {
    let mut codes: BTreeSet<String> = collector::fault::Code::ALL.iter().map(ToString::to_string).collect();
    // What another server refused is kept with them.
    codes.insert(influx::REFUSED.into());
    in_words("cause", &codes);
    use web::dto::Missing::{Away, Late, Refused, Unreadable};
    let missing = [Away, Late, Refused, Unreadable].map(|m| serde_json::to_value(m).expect("JSON"));
    in_words("missing", &missing.iter().filter_map(|m| m.as_str().map(str::to_owned)).collect());
}

/// So has every reason for which a message did not arrive, and each is explained where notification is described.
#[test]
fn every_reason_of_a_message_that_did_not_arrive_is_explained() {
    let text = std::fs::read_to_string(root().join("docs/notifications.md")).expect("the document");
    let table = text.split_once("| code | means |").expect("the table of codes").1;
    let first = table.lines().skip(2).take_while(|l| l.starts_with('|')).filter_map(|l| l.split('|').nth(1));
    let explained: BTreeSet<String> =
        first.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect();
    in_words("notify_code", &explained);
    let sources = |dir: &str| {
        let files = std::fs::read_dir(root().join(dir)).expect("the sources").filter_map(Result::ok);
        files.filter_map(|f| std::fs::read_to_string(f.path()).ok()).collect::<String>()
    };
    let code = [sources("notify/src"), sources("notify/src/channel"), sources("app/src")].concat();
    let given = code.split("code: \"").skip(1).filter_map(|rest| rest.split('"').next());
    let given: BTreeSet<String> =
        given.filter(|c| c.chars().all(|c| c.is_ascii_lowercase() || c == '_')).map(str::to_owned).collect();
    let unexplained: Vec<_> = given.iter().filter(|c| !c.is_empty() && !explained.contains(*c)).collect();
    assert!(unexplained.is_empty(), "{unexplained:?} in docs/notifications.md");
}

/// So has every reason for which nobody was signed in.
#[test]
fn every_reason_of_a_log_in_that_failed_is_put_into_words_in_both_languages() {
    in_words("sign_in", &web::NOT_SIGNED_IN.iter().map(|why| (*why).to_owned()).collect());
}

/// The page knows what each write takes, so that it does not offer what the role may not do (`web/ui/src/lib/me.ts`).
#[test]
fn the_page_knows_what_every_write_takes() {
    let text = std::fs::read_to_string(root().join("web/ui/src/lib/acts.json")).expect("what the page knows");
    let known: BTreeMap<String, (String, String)> =
        serde_json::from_str(&text).expect("a right and its place for each");
    let routes = web::routes().into_iter().filter(|r| !matches!(r.needs, "nothing" | "account"));
    let take = |r: web::RouteNeed| Some((r.writes?.to_owned(), (r.needs.to_owned(), r.of.to_owned())));
    assert_eq!(known, routes.filter_map(take).collect(), "web/ui/src/lib/acts.json against the table of routes");
}

/// So have the faults of a diagnosis, its terms, what becomes of them, what people say of them, and every code by which a
/// record says nothing; some of the words are others' too.
#[test]
fn every_word_of_a_diagnosis_is_put_into_words_in_both_languages() {
    let held = |family: &str, codes: &mut dyn Iterator<Item = &str>| {
        for (language, code) in codes.flat_map(|c| [("en", c.to_owned()), ("zh-CN", c.to_owned())]) {
            let words = catalogue(language);
            let text = words.get(&format!("{family}.{code}"));
            assert!(text.is_some_and(|t| !t.trim().is_empty()), "{family}.{code} in {language}.json");
        }
    };
    held("fault", &mut plant::Fault::ALL.iter().map(|f| f.code()));
    held("judgement", &mut plant::Judgement::ALL.iter().map(|j| j.as_str()));
    let standings = [
        plant::Standing::Open,
        plant::Standing::Probable,
        plant::Standing::Confirmed,
        plant::Standing::Explained(plant::Fault::Rub),
        plant::Standing::Ambiguous(plant::Fault::Rub),
    ];
    held("standing", &mut standings.iter().map(|s| s.as_str()));
    let terms = analytics::diagnosis::TABLE.iter().flat_map(|row| row.evidence.iter().chain(row.contra));
    held("term", &mut terms.map(|t| t.quantity.code()));
    held("refusal", &mut analytics::diagnosis::CODES.into_iter());
    let listed = std::fs::read_to_string(root().join("web/ui/src/i18n/codes.ts")).expect("the list of codes");
    let listed =
        listed.split("export const DIAGNOSED = [").nth(1).and_then(|s| s.split(']').next()).expect("the faults");
    let listed: Vec<&str> = listed.split('"').skip(1).step_by(2).collect();
    assert!(listed.iter().copied().eq(plant::Fault::ALL.iter().map(|f| f.code())), "{listed:?}");
}

/// So have the indicators of the alarm system, and what the coach says.
#[test]
fn every_word_of_the_alarm_performance_is_put_into_words_in_both_languages() {
    use analytics::alarm::{coach, performance::KpiCode};
    in_words("kpi", &KpiCode::ALL.iter().map(|k| k.as_str().to_owned()).collect());
    in_words("coach_verdict", &coach::Verdict::ALL.iter().map(|v| v.as_str().to_owned()).collect());
    in_words("alarm_means", &coach::Means::ALL.iter().map(|m| m.as_str().to_owned()).collect());
}

/// So has everything that the MQTT door can refuse.
#[test]
fn every_refusal_of_the_door_is_put_into_words_in_both_languages() {
    in_words("turned_away", &broker::Refusal::ALL.iter().map(|r| r.name().to_owned()).collect());
}

/// So has every state of the platform itself that becomes an alarm: its name, and what to do.
#[test]
fn every_condition_of_the_platform_is_put_into_words_in_both_languages() {
    let names: BTreeSet<String> = plant::Condition::NAMES.iter().map(ToString::to_string).collect();
    in_words("system", &names);
    in_words("system_action", &names);
}

/// So has every kind of problem that the API can answer with: the first field of each row of `Kind::row`.
#[test]
fn every_kind_of_problem_is_put_into_words_in_both_languages() {
    let source = std::fs::read_to_string(root().join("web/src/problem.rs")).expect("the kinds of problems");
    let rows = source.split("const fn row").nth(1).and_then(|rest| rest.split("\n    }").next()).expect("Kind::row");
    let kinds: BTreeSet<String> = rows
        .lines()
        .filter_map(|line| Some(line.trim().strip_prefix("Self::")?.split('"').nth(1)?.to_owned()))
        .collect();
    let variants = source.split("enum Kind {").nth(1).and_then(|rest| rest.split('}').next()).expect("the enum");
    assert_eq!(kinds.len(), variants.matches(',').count(), "a row is not read: keep each on one line");
    in_words("problem", &kinds);
}

/// So has every code of the checklist that is not one of those: they stand at the head of a pair, or are a refusal.
#[test]
fn every_failure_of_the_checklist_is_put_into_words_in_both_languages() {
    let source = std::fs::read_to_string(root().join("app/src/seams/checklist.rs")).expect("the checklist");
    let code = source.split("#[cfg(test)]").next().expect("the code");
    // `("code", "sentence")`, on one line or two.
    let pairs = code.split('(').filter_map(|pair| {
        let (name, rest) = pair.trim_start().strip_prefix('"')?.split_once('"')?;
        let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        (plain && rest.strip_prefix(',')?.trim_start().strip_prefix('"')?.contains(' ')).then(|| name.to_owned())
    });
    let mut codes: BTreeSet<String> = pairs.collect();
    assert!(codes.len() >= 6, "the pairs are not read any more: {codes:?}");
    codes.extend(["publish_denied", "subscribe_denied", "will_denied"].map(str::to_owned));
    in_words("check_error", &codes);
}
