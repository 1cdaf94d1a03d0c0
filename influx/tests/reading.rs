//! Reading back. The answers follow the documentation of InfluxDB 2 ("Annotated CSV"), with the columns that the queries
//! of this crate give.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use historian::{Bucket, Retention, Sample};
use influx::flux::{self, FluxError, merge_buckets, merge_samples, put_together, read_buckets, read_samples};
use influx::history::{Past, Told, ship};
use influx::http::Client;
use plant::{Clock, ManualClock, Name, Quality, Reason, SeriesKey, Timestamp, Value};
use support::stub::{Act, Stub};
use support::{House, START, hasty, key, minute, seen, target, until};

const DAY: Duration = Duration::from_secs(86_400);
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
}

#[test]
fn buckets_are_taken_from_whoever_knows_more_over_whole_hours() {
    let hour = START.align(Duration::from_secs(3_600));
    let second = |s: u64| hour + Duration::from_secs(s);
    let b = |s: u64, count, last| Bucket { t: second(s), min: 0.0, max: 0.0, mean: 0.0, last, count };
    let width = Duration::from_secs(10);
    let merge = |local, remote| {
        let merged = merge_buckets(local, remote, width, (hour, second(7_200)));
        merged.iter().map(|b| (b.t.since(hour).as_secs(), b.count, b.last)).collect::<Vec<_>>()
    };
    // A minute of the store speaks for six buckets: not beside them, but instead of them, or not at all.
    let fine = || (0..6).map(|i| b(i * 10, 10, 2.0)).collect::<Vec<_>>();
    assert_eq!(merge(vec![b(0, 60, 1.0)], fine()), (0..6).map(|i| (i * 10, 10, 2.0)).collect::<Vec<_>>());
    assert_eq!(merge(vec![b(0, 60, 1.0)], fine()[..5].to_vec()), [(0, 60, 1.0)]);
    // Hour by hour: in the second one the server has nothing.
    assert_eq!(merge(vec![b(0, 5, 1.0), b(3_600, 6, 1.0)], vec![b(20, 5, 2.0)]), [(20, 5, 2.0), (3_600, 6, 1.0)]);
    // Cut by the end, an hour counts as a whole where it begins: whoever has more buckets knows more.
    let cut = merge_buckets(vec![b(0, 3_600, 1.0)], fine(), width, (hour, second(60)));
    assert_eq!(cut, fine());
    // Across the border the two are put together.
    let last = Bucket { t: hour, min: 1.0, max: 3.0, mean: 2.0, last: 3.0, count: 4 };
    let first = Bucket { t: hour, min: 0.0, max: 2.0, mean: 1.0, last: 0.0, count: 1 };
    let both = Bucket { t: hour, min: 0.0, max: 3.0, mean: 1.8, last: 0.0, count: 5 };
    assert_eq!(put_together(vec![last], vec![first, b(60, 1, 0.0)]), [both, b(60, 1, 0.0)]);
    assert_eq!(put_together(vec![last], vec![b(60, 1, 0.0)]), [last, b(60, 1, 0.0)]);
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

/// A store that keeps raw values for two days, and the server to which it ships.
async fn forgetful(dir: &std::path::Path, stub: &Stub) -> House {
    let retention = Retention { raw: Some(2 * DAY), ..Retention::default() };
    let config =
        historian::Config { retention, chunk_points: 8, log_bytes: 0, tail_commits: 4, ..historian::Config::new(dir) };
    House::open(config, hasty(stub), Arc::new(ManualClock::new(START))).await
}

fn reader(house: &House, stub: &Stub) -> flux::Reader {
    let client = Client::new(target(stub), Duration::from_secs(20), house.clock.clone());
    flux::Reader::new(house.store.archive(), client, DAY, house.clock.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_removed_comes_from_the_server_without_seam_or_double() {
    let dir = tempfile::tempdir().unwrap();
    let stub = Stub::start().await;
    let house = forgetful(dir.path(), &stub).await;
    // A value every 40 s for five days, as life brings them.
    let begin = START.align(DAY);
    let every = Duration::from_secs(40);
    let mut all: Vec<Sample> = Vec::new();
    for hour in 0..120u64 {
        let from = begin + Duration::from_secs(3_600 * hour);
        let values = (0..90).map(|i| seen("p", from + every * i, f64::from((i * 37 + hour as u32) % 101) / 8.0));
        let values: Vec<_> = values.collect();
        all.extend(values.iter().map(|o| Sample { t: o.t, value: o.value.clone(), quality: o.quality }));
        house.clock.set(from + Duration::from_secs(3_600));
        house.commit(values).await;
    }
    until("everything is at the server", || stub.points().len() == all.len()).await;
    for i in 0..80 {
        house.clock.advance(Duration::from_secs(if i % 10 == 0 { 700 } else { 1 }));
        house.commit(Vec::new()).await;
    }
    let (key, to, reader) = (key("p"), house.clock.now(), reader(&house, &stub));
    let border = house.store.archive().removed_before(&key).unwrap().expect("something was removed");
    let held = house.store.archive().range(&key, begin, to, usize::MAX).unwrap();
    assert!(border > begin + DAY && held.len() + 2_000 < all.len() && held[0].t >= border, "{} are held", held.len());

    let found = reader.range(&key, begin, to, 100_000).unwrap().finish().await;
    assert_eq!((found.missing, found.values), (None, all.clone()));
    // In pages, over the border and before it.
    let (mut paged, mut from) = (Vec::new(), begin);
    loop {
        let page = reader.range(&key, from, to, 701).unwrap().finish().await.values;
        let Some(last) = page.last().map(|s| s.t) else { break };
        paged.extend(page);
        from = last + Duration::from_nanos(1);
    }
    assert_eq!(paged, all);
    // Seconds to hours, one of them no divisor of an hour, and bounds in the middle of everything.
    for width in [10, 60, 77, 600, 3_600, 5 * 3_600] {
        let width = Duration::from_secs(width);
        for (from, to) in [(begin, to), (begin + Duration::from_secs(12_345), border + Duration::from_secs(999))] {
            let found = reader.buckets(&key, from, to, width).unwrap().finish().await;
            assert_eq!(found.missing, None);
            let within = all.iter().filter(|s| (from..to).contains(&s.t));
            // Whole minutes are the store's alone, which counts one that the bounds cut where it begins.
            let cut = width.as_secs().is_multiple_of(60) && from != begin;
            if !cut {
                same(&found.values, &sums(within, width));
            }
        }
    }
    // What the store has whole is asked of nobody else; nor is what minutes and hours say as finely.
    stub.world().asked.clear();
    assert!(reader.range(&key, border, to, 9).unwrap().whole.is_none());
    assert!(reader.buckets(&key, border, to, every).unwrap().whole.is_none());
    assert!(reader.buckets(&key, begin, to, Duration::from_secs(600)).unwrap().whole.is_none());
    // And where it cannot be asked, the store's part is there.
    stub.world().queries = vec![("limit(n: 100000", ERROR.into()), ("aggregateWindow", ERROR.into())];
    let found = reader.range(&key, begin, to, 100_000).unwrap().finish().await;
    assert!(found.values == held && matches!(found.missing, Some(FluxError::Csv(_))));
    let found = reader.buckets(&key, begin, to, Duration::from_secs(10)).unwrap().finish().await;
    assert!(found.missing.is_some());
    same(&found.values, &house.store.archive().buckets(&key, begin, to, Duration::from_secs(10)).unwrap());
    house.close().await;
}

fn sums<'a>(samples: impl Iterator<Item = &'a Sample>, width: Duration) -> Vec<Bucket> {
    let mut out: Vec<Bucket> = Vec::new();
    for s in samples {
        let (t, v) = (s.t.align(width), s.value.as_f64().unwrap());
        match out.last_mut().filter(|b| b.t == t) {
            Some(b) => {
                (b.min, b.max, b.last, b.count) = (b.min.min(v), b.max.max(v), v, b.count + 1);
                b.mean += (v - b.mean) / b.count as f64;
            }
            None => out.push(Bucket { t, min: v, max: v, mean: v, last: v, count: 1 }),
        }
    }
    out
}

/// Equal, but for the rounding of a mean.
fn same(found: &[Bucket], wanted: &[Bucket]) {
    assert_eq!(found.len(), wanted.len());
    for (f, w) in found.iter().zip(wanted) {
        assert!((f.mean - w.mean).abs() < 1e-9, "{f:?}\n{w:?}");
        assert_eq!(Bucket { mean: 0.0, ..*f }, Bucket { mean: 0.0, ..*w });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_the_store_is_asked_for_where_it_is_old() {
    let dir = tempfile::tempdir().unwrap();
    let stub = Stub::start().await;
    let house = House::small(dir.path(), &stub).await;
    house.clock.set(START + 3 * DAY);
    // The server has an hour of before, written under two areas: each instant twice.
    for series in ["value,machine=m,point=p,site=s", "value,area=a,machine=m,point=p,site=s"] {
        for i in 0..60 {
            let value = ("value".to_owned(), format!("{i}.0"));
            let t = at(f64::from(i) * 60.0).nanos();
            stub.world().points.insert((series.into(), t), [value].into());
        }
    }
    let (key, reader) = (key("p"), reader(&house, &stub));
    house.commit(vec![seen("p", at(3_600.0), 60.0)]).await;
    let wanted: Vec<_> = (0..61).map(|i| (at(f64::from(i) * 60.0), Value::Float(f64::from(i)))).collect();
    let found = reader.range(&key, START - DAY, START + 3 * DAY, 61).unwrap().finish().await;
    let found: Vec<_> = found.values.into_iter().map(|s| (s.t, s.value)).collect();
    assert_eq!(found, wanted);
    // What is younger than a day is in the store, or nowhere.
    assert!(reader.range(&key, START + 2 * DAY, START + 3 * DAY, 9).unwrap().whole.is_none());
    stub.world().points.clear();
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
