//! Reading back. The answers follow the documentation of InfluxDB 2 ("Annotated CSV"), with the columns that the queries
//! of this crate give.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use historian::{Bucket, Sample};
use influx::flux::{self, FluxError, merge_buckets, merge_samples, read_buckets, read_samples};
use influx::history::{Past, Told, ship};
use influx::http::Client;
use plant::{ManualClock, Name, Quality, Reason, SeriesKey, Timestamp, Value};
use support::stub::{Act, Stub};
use support::{House, START, hasty, key, minute, seen, target};

const RAW: &str = include_str!("answers/raw.csv");
const AGGREGATE: &str = include_str!("answers/aggregate.csv");
const ERROR: &str = include_str!("answers/error.csv");

fn at(s: f64) -> Timestamp {
    START + Duration::from_secs_f64(s)
}

#[test]
fn values_texts_and_qualities_are_read() {
    let found = read_samples(RAW.as_bytes()).unwrap();
    let sample = |t, value, quality| Sample { t, value, quality };
    assert_eq!(
        found,
        [
            sample(at(0.0), Value::Float(61.2), Quality::Good),
            sample(at(1.5), Value::Float(-3e-7), Quality::Bad(Reason::OutOfRange)),
            sample(at(2.0), Value::Text("a, \"b\"".into()), Quality::Uncertain(Reason::NoTimestamp)),
            sample(at(3.0), Value::Float(62.0), Quality::Good),
        ]
    );
    assert_eq!(read_samples(b"\r\n"), Ok(vec![]), "no table at all");
}

#[test]
fn aggregates_of_a_series_that_moved_are_put_together() {
    let minute = Duration::from_secs(60);
    // The first window of the range is cut off by it: it belongs to the minute in which it lies.
    let b = |t, min, max, mean, last, count| Bucket { t: at(t).align(minute), min, max, mean, last, count };
    let found = read_buckets(AGGREGATE.as_bytes(), minute).unwrap();
    assert_eq!(found, [b(0.0, 1.0, 3.0, 2.0, 3.0, 3), b(60.0, 0.0, 9.0, 4.5, 9.0, 4)]);
}

#[test]
fn an_error_in_the_middle_is_one_and_so_is_what_is_no_csv() {
    let Err(FluxError::Csv(why)) = read_samples(ERROR.as_bytes()) else {
        panic!("it is read as if nothing were wrong")
    };
    assert_eq!(why, "engine: unknown field type for value: context canceled");
    let odd =
        "#datatype,string,long,dateTime:RFC3339,double\n#default,_result,,,\n,result,table,_time,value\n,,0,noon,1\n";
    assert!(matches!(read_samples(odd.as_bytes()), Err(FluxError::Csv(why)) if why.contains("noon")));
}

#[test]
fn the_stores_value_wins_and_no_instant_comes_twice() {
    let s = |t: f64, v: f64| Sample { t: at(t), value: Value::Float(v), quality: Quality::Good };
    let merged = merge_samples(vec![s(2.0, 20.0), s(3.0, 30.0)], vec![s(1.0, 1.0), s(2.0, 2.0)], 10);
    assert_eq!(merged, [s(1.0, 1.0), s(2.0, 20.0), s(3.0, 30.0)]);
    assert_eq!(merge_samples(vec![s(3.0, 3.0)], vec![s(1.0, 1.0), s(2.0, 2.0)], 2), [s(1.0, 1.0), s(2.0, 2.0)]);

    let b = |t: f64, count, last| Bucket { t: at(t), min: 0.0, max: 0.0, mean: 0.0, last, count };
    // Of the second minute the store has removed a part; the third both have.
    let local = vec![b(60.0, 10, 1.0), b(120.0, 60, 1.0), b(180.0, 60, 1.0)];
    let remote = vec![b(0.0, 60, 2.0), b(60.0, 60, 2.0), b(120.0, 60, 2.0)];
    let merged = merge_buckets(local, remote);
    let from: Vec<_> = merged.iter().map(|b| b.last).collect();
    assert_eq!(from, [2.0, 2.0, 1.0, 1.0]);
}

#[tokio::test]
async fn the_server_is_asked_and_its_answers_are_read() {
    let stub = Stub::start().await;
    let clock = Arc::new(ManualClock::new(START));
    let mut client = Client::new(target(&stub), Duration::from_secs(5), clock);
    stub.world().queries = vec![
        ("limit(n: 10)", RAW.into()),
        ("/^bad/)\n  |> group", String::new()),
        ("aggregateWindow", AGGREGATE.into()),
    ];
    let key = SeriesKey::indicator("s/m/p".parse().unwrap(), Name::new("kurtosis").unwrap());
    let found = flux::range(&mut client, &key, START, at(10.0), 10).await.unwrap();
    assert_eq!(found.len(), 4);
    let found = flux::buckets(&mut client, &key, START, at(120.0), Duration::from_secs(60)).await.unwrap();
    assert_eq!(found.len(), 2);
    let asked = stub.world().asked.clone();
    assert!(asked.last().is_some_and(|q| !q.contains("pivot")), "nothing is of bad quality: {asked:?}");
    // Where something is, it is left out there, not here.
    stub.world().queries[1].1 = RAW.into();
    flux::buckets(&mut client, &key, START, at(120.0), Duration::from_secs(60)).await.unwrap();
    assert!(stub.world().asked.last().is_some_and(|q| q.contains("!~ /^bad/")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_comes_from_the_server_and_what_is_new_from_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let stub = Stub::start().await;
    let house = House::small(dir.path(), &stub).await;
    let key = key("p");
    house.commit((0..100).map(|i| seen("p", at(f64::from(i)), f64::from(i))).collect()).await;
    house.clock.set(at(100.0));
    let reader = |after| {
        let client = Client::new(target(&stub), Duration::from_millis(300), house.clock.clone());
        flux::Reader::new(house.store.archive(), client, Duration::from_secs(after), house.clock.clone())
    };
    stub.world().queries = vec![("limit(n:", RAW.into()), ("aggregateWindow", AGGREGATE.into())];
    // Nothing of it is old: nobody is asked.
    let found = reader(1_000).range(&key, START, at(200.0), 1_000).await.unwrap();
    assert_eq!((found.values.len(), found.missing), (100, None));
    assert_eq!(stub.world().asked.len(), 0);
    // All of it may be: at 1.5 s only the server has a value, and elsewhere the store's is taken.
    let found = reader(50).range(&key, START, at(200.0), 1_000).await.unwrap();
    assert_eq!(found.values.len(), 101);
    assert_eq!((&found.values[0].value, &found.values[2].value), (&Value::Float(0.0), &Value::Float(-3e-7)));
    let asked = stub.world().asked.clone();
    assert!(asked[0].contains("stop: 2023-11-14T22:14:10Z"), "up to 50 s after the beginning: {}", asked[0]);
    // The server has fewer values in both minutes than the store.
    let minute = Duration::from_secs(60);
    let found = reader(50).buckets(&key, START, at(200.0), minute).await.unwrap();
    assert_eq!(found.values, house.store.archive().buckets(&key, START, at(200.0), minute).unwrap());
    let asked = stub.world().asked.last().cloned().unwrap();
    assert!(asked.contains("stop: 2023-11-14T22:15:00Z"), "to the end of a bucket: {asked}");
    // And where it cannot be asked, that is said.
    stub.world().queries[0].1 = ERROR.into();
    let found = reader(50).range(&key, START, at(200.0), 1_000).await.unwrap();
    assert!(found.values.len() == 100 && found.missing.is_some());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_shipped_and_taken_up_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let stub = Stub::start().await;
    stub.script(|_, _| Act::Say(503, "", String::new()));
    let house = House::small(dir.path(), &stub).await;
    for m in 0..10 {
        house.commit(minute(4, 60, START + Duration::from_secs(60 * m))).await;
    }
    house.commit(vec![seen("bad", START, 1.0)]).await;
    let mut expected = house.expected().await;
    expected.retain(|(series, _), _| !series.contains("point=bad"));
    house.close().await;

    let (archive, register) = historian::open_read_only(dir.path()).unwrap();
    let mut keys = archive.series();
    keys.sort();
    let past =
        Past { archive, plant: register.plant(), keys, from: Timestamp::MIN, to: Timestamp::MAX, rate: 1_000_000 };
    let config = influx::Config { batch_lines: 100, ..hasty(&stub) };
    let clock = Arc::new(ManualClock::new(START));
    let mut client = Client::new(target(&stub), config.timeout, clock.clone());
    // Interrupted by a refusal …
    stub.script(|n, _| if n < 9 { Act::Whole("point=bad") } else { Act::Say(401, "", "no".into()) });
    let (mut mark, mut refused) = (Told::default(), 0);
    let ended = ship(&past, &config, &mut client, Told::default(), |told, lines| {
        mark = told.clone();
        refused += lines.len();
    })
    .await;
    assert!(ended.is_err_and(|e| e.to_string().contains("401")));
    assert!(mark.points > 0 && mark.points < 2_400, "{mark:?}");
    // … and taken up again.
    stub.script(|n, _| if n == 2 { Act::CutAfter } else { Act::Whole("point=bad") });
    let done = ship(&past, &config, &mut client, mark, |_, lines| refused += lines.len()).await.unwrap();
    assert_eq!((done.series, done.points, refused), (5, 2_400, 1));
    assert_eq!(stub.points(), expected);
    assert!(past.keys.contains(&key("p0")));
}
