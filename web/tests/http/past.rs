//! What is older than the store reaches comes from elsewhere, or is said to be missing.

use std::future::{pending, ready};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use historian::{Bucket, ReadError, Sample};
use plant::{Quality, SeriesKey, Timestamp, Value};
use serde_json::{Value as Json, json};
use web::dto::Missing;
use web::{Past, Recalled};

use crate::answers::encode;
use crate::house::{House, NOW, TEMP, VIB, at, config, history};

/// Holds one value a minute for ever; of that the last ten minutes are in "the store".
struct Annals {
    /// What becomes of a question; `None`: it is never answered.
    answer: Option<Result<(), Missing>>,
}

const HELD_FROM: i64 = -600;

fn minutes(from: Timestamp, to: Timestamp) -> impl Iterator<Item = Timestamp> {
    (-1_440..0).map(|m| at(m * 60)).filter(move |t| (from..to).contains(t))
}

impl Annals {
    fn recall<T: Send + 'static>(&self, from: Timestamp, to: Timestamp, of: impl Fn(Timestamp) -> T) -> Recalled<T> {
        let held = minutes(from.max(at(HELD_FROM)), to).map(&of).collect();
        let all = minutes(from, to).map(&of).collect();
        let whole: BoxFuture<'static, _> = match self.answer {
            Some(Ok(())) => ready(Ok(all)).boxed(),
            Some(Err(why)) => ready(Err(why)).boxed(),
            None => pending().boxed(),
        };
        Recalled { held, whole: (from < at(HELD_FROM)).then_some(whole) }
    }
}

impl Past for Annals {
    fn range(&self, _: &SeriesKey, from: Timestamp, to: Timestamp, most: usize) -> Result<Recalled<Sample>, ReadError> {
        let of = |t| Sample { t, value: Value::Float(1.0), quality: Quality::Good };
        let mut recalled = self.recall(from, to, of);
        recalled.held.truncate(most);
        let cut = move |whole: Result<Vec<Sample>, _>| whole.map(|all| all.into_iter().take(most).collect());
        recalled.whole = recalled.whole.map(|whole| whole.map(cut).boxed());
        Ok(recalled)
    }

    fn buckets(
        &self,
        _: &SeriesKey,
        from: Timestamp,
        to: Timestamp,
        _: Duration,
    ) -> Result<Recalled<Bucket>, ReadError> {
        Ok(self.recall(from, to, |t| Bucket { t, min: 0.0, max: 2.0, mean: 1.0, last: 1.0, count: 9 }))
    }
}

async fn house(answer: Option<Result<(), Missing>>) -> House {
    let config = web::Config { past_timeout: Duration::from_millis(50), ..config() };
    let house = House::recalling(config, Arc::new(Annals { answer })).await;
    house.commit(history()).await;
    house
}

/// The span of an hour, of which the store has the last ten minutes.
fn path(what: &str) -> String {
    let from = (NOW - 3_600) * 1_000;
    format!("/api/v1/series/{what}?point={}&from={from}&to={}", encode(TEMP), NOW * 1_000)
}

fn count(answer: &Json) -> usize {
    answer["t_ms"].as_array().unwrap().len()
}

#[tokio::test]
async fn what_is_older_is_there_as_if_the_store_had_it() {
    let house = house(Some(Ok(()))).await;
    let range = house.json(&path("range")).await;
    assert_eq!((count(&range), &range["missing"], &range["next_cursor"]), (60, &json!(null), &json!(null)));
    let buckets = house.json(&path("buckets")).await;
    assert_eq!((count(&buckets), &buckets["missing"]), (60, &json!(null)));
    // Page by page, over where the store begins.
    let (mut times, mut cursor) = (Vec::new(), Json::Null);
    loop {
        let next = cursor.as_str().map(|c| format!("&cursor={c}")).unwrap_or_default();
        let page = house.json(&format!("{}&limit=7{next}", path("range"))).await;
        times.extend(page["t_ms"].as_array().unwrap().iter().map(|t| t.as_i64().unwrap()));
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    let wanted: Vec<_> = (0..60).map(|m| (NOW - 3_600 + m * 60) * 1_000).collect();
    assert_eq!(times, wanted);
}

#[tokio::test]
async fn what_is_missing_is_said_and_the_stores_part_is_there() {
    for (answer, said) in [
        (Some(Err(Missing::Away)), "away"),
        (Some(Err(Missing::Refused)), "refused"),
        (Some(Err(Missing::Unreadable)), "unreadable"),
        (None, "late"),
    ] {
        let house = house(answer).await;
        for what in ["range", "buckets"] {
            let found = house.json(&path(what)).await;
            assert_eq!((count(&found), &found["missing"]), (10, &json!(said)), "{what}");
        }
        // What the store has all of is not waited for.
        let from = (NOW - 300) * 1_000;
        let recent = house.json(&format!("/api/v1/series/range?point={}&from={from}", encode(TEMP))).await;
        assert_eq!((count(&recent), &recent["missing"]), (5, &json!(null)));
    }
}

#[tokio::test]
async fn so_it_is_of_several_series_within_one_time() {
    let time = |s: i64| jiff::Timestamp::from_second(s).unwrap().to_string();
    let ask = |what: &str, cursor: &Json| {
        json!({
            "ask": what,
            "series": [{"point": TEMP}, {"point": VIB, "indicator": "velocity_rms"}],
            "from": time(NOW - 3_600),
            "to": time(NOW),
            "limit": if what == "range" { json!(50) } else { json!(null) },
            "cursor": cursor,
        })
        .to_string()
    };
    for (answer, said, each) in [(Some(Ok(())), json!(null), 60), (None, json!("late"), 10)] {
        let house = house(answer).await;
        let found = house.post("/api/v1/series/query", &ask("buckets", &json!(null))).await.json();
        for i in 0..2 {
            assert_eq!((count(&found["buckets"][i]), &found["buckets"][i]["missing"]), (each, &said), "{found}");
        }
        let (mut counts, mut cursor) = ([0, 0], Json::Null);
        loop {
            let page = house.post("/api/v1/series/query", &ask("range", &cursor)).await.json();
            for part in page["range"].as_array().unwrap() {
                counts[usize::from(part["point"] == VIB)] += count(part);
                assert_eq!(part["missing"], said);
            }
            cursor = page["next_cursor"].clone();
            if cursor.is_null() {
                break;
            }
        }
        assert_eq!(counts, [each, each]);
    }
}
