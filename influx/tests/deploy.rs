//! What `deploy/influxdb` asks for is what the shipper writes: names of measurements, tags and fields are the schema's.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeSet;
use std::path::Path;

use influx::schema;
use serde_json::Value;

fn dashboard() -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let path = root.join("deploy/influxdb/grafana/dashboards/danxia.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Every query, by the title of its panel or the name of its variable.
fn queries(d: &Value) -> Vec<(String, String)> {
    let panels = d["panels"].as_array().unwrap().iter().flat_map(|p| {
        let title = p["title"].as_str().unwrap().to_owned();
        p["targets"].as_array().unwrap().iter().map(move |t| (title.clone(), t["query"].as_str().unwrap().to_owned()))
    });
    let variables = d["templating"]["list"].as_array().unwrap().iter();
    let variables =
        variables.map(|v| (v["name"].as_str().unwrap().to_owned(), v["query"].as_str().unwrap().to_owned()));
    panels.chain(variables).collect()
}

/// What stands between `before` and the next `after`, each time.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    text.split(before).skip(1).map(|rest| rest.split(after).next().unwrap()).collect()
}

#[test]
fn every_name_that_the_dashboard_asks_for_is_written() {
    let measurements: BTreeSet<_> = schema::measurements().collect();
    let own = ["_measurement", "_field", "_value", "_time", "_start", "_stop"];
    let known = |name: &str| schema::TAGS.contains(&name) || schema::FIELDS.contains(&name) || own.contains(&name);
    let dashboard = dashboard();
    let queries = queries(&dashboard);
    assert!(queries.len() >= 12);
    for (title, q) in &queries {
        for name in between(q, "r[\"", "\"]") {
            assert!(schema::TAGS.contains(&name) || own.contains(&name), "{title}: {name} is no tag");
        }
        for operator in ["==", "!="] {
            for name in between(q, &format!("r[\"_measurement\"] {operator} \""), "\"") {
                assert!(measurements.contains(name), "{title}: {name} is no measurement");
            }
            for name in between(q, &format!("r[\"_field\"] {operator} \""), "\"") {
                assert!(schema::FIELDS.contains(&name), "{title}: {name} is no field");
            }
        }
        for list in between(q, "columns: [", "]") {
            for name in between(&format!("{list},"), "\"", "\"").into_iter().step_by(2) {
                assert!(known(name), "{title}: {name} is neither tag nor field");
            }
        }
        for tag in between(q, "tag: \"", "\"") {
            assert!(schema::TAGS.contains(&tag), "{title}: {tag} is no tag");
        }
        assert_eq!(q.matches('(').count(), q.matches(')').count(), "{title}");
        assert_eq!(q.matches('[').count(), q.matches(']').count(), "{title}");
        assert_eq!(q.matches('"').count() % 2, 0, "{title}");
    }
}

#[test]
fn every_panel_has_the_provisioned_datasource_and_a_place_of_its_own() {
    let dashboard = dashboard();
    let mut ids = BTreeSet::new();
    for p in dashboard["panels"].as_array().unwrap() {
        assert_eq!(p["datasource"]["uid"], "danxia", "{}", p["title"]);
        assert!(ids.insert(p["id"].as_u64().unwrap()), "{}", p["title"]);
        let at = |k: &str| p["gridPos"][k].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{}", p["title"]);
    }
    // What the specification wants to be seen.
    let shown = queries(&dashboard);
    for wanted in [schema::VIBRATION, schema::INDICATOR, schema::ALARM, schema::STATE, "temperature"] {
        let asked = format!("r[\"_measurement\"] == \"{wanted}\"");
        assert!(shown.iter().any(|(_, q)| q.contains(&asked)), "{wanted} is not shown");
    }
}
