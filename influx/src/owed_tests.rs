use proptest::prelude::*;

use super::*;

fn at(s: i64) -> Timestamp {
    Timestamp::from_secs(s)
}

fn key(name: &str) -> SeriesKey {
    SeriesKey::raw(format!("s/m/{name}").parse().unwrap())
}

#[test]
fn a_series_that_goes_on_is_one_stretch_and_a_late_value_another() {
    let mut owed = Owed::default();
    for n in 0..1_000 {
        owed.note(&key("a"), at(100_000 + n), 7 + n as u64, at(100_000 + n));
    }
    owed.note(&key("a"), at(5), 2_000, at(101_500));
    assert_eq!(owed.by[&key("a")].len(), 2);
    assert_eq!((owed.points(), owed.first(), owed.since()), (1_001, Some(7), Some(at(100_000))));
    let (k, s) = owed.next(1).remove(0);
    assert_eq!((k, s.from, s.to), (key("a"), at(5), at(5)));
    owed.shipped(&key("a"), at(5), at(5), 1);
    owed.shipped(&key("a"), at(100_000), at(100_499), 500);
    let s = owed.next(1)[0].1;
    assert_eq!((s.points, s.to), (500, at(100_999)));
    assert!(s.from > at(100_499) && s.from <= at(100_500));
    assert_eq!(s.since, at(100_499), "half of it is made up for");
    owed.shipped(&key("a"), s.from, s.to, 500);
    assert!(owed.is_empty());
}

#[test]
fn what_begins_first_is_next() {
    let mut owed = Owed::default();
    for (n, name) in ["c", "a", "b", "d"].into_iter().enumerate() {
        owed.note(&key(name), at(100 - n as i64), 1, at(1));
    }
    owed.note(&key("a"), at(100_000), 2, at(2));
    let names = |n| owed.next(n).iter().map(|(k, _)| k.point.name().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(2), ["d", "b"]);
    assert_eq!(names(9), ["d", "b", "a", "c", "a"]);
}

#[test]
fn bytes_that_are_none_of_ours_are_refused() {
    let mut owed = Owed::default();
    owed.note(&key("a"), at(1), 1, at(1));
    let bytes = owed.encode();
    assert_eq!(Owed::decode(&bytes), Some(owed));
    assert_eq!(Owed::decode(&Owed::default().encode()), Some(Owed::default()));
    for odd in [&b""[..], b"\x02", &bytes[..bytes.len() / 2]] {
        assert_eq!(Owed::decode(odd), None);
    }
}

#[test]
fn ten_thousand_series_fit_into_a_small_row() {
    let mut owed = Owed::default();
    for n in 0..10_000 {
        let key = key(&format!("point_{n}"));
        for t in 0..10 {
            owed.note(&key, at(1_700_000_000 + t), 1, at(1_700_000_000));
        }
    }
    let bytes = owed.encode().len();
    assert!(bytes < 300_000, "{bytes}");
}

proptest! {
    /// However values come, all that were noted and not shipped lie in a stretch.
    #[test]
    fn nothing_that_is_owed_is_forgotten(
        times in proptest::collection::vec(0i64..100_000, 1..200),
        cut in 0usize..20,
    ) {
        let mut owed = Owed::default();
        times.iter().for_each(|t| owed.note(&key("a"), at(*t), 1, at(0)));
        let mut left: std::collections::BTreeSet<_> = times.iter().copied().collect();
        for _ in 0..cut {
            let Some((k, s)) = owed.next(1).pop() else { break };
            // A part of it, as a read with a limit gives.
            let inside: Vec<_> = left.iter().copied().filter(|t| at(*t) >= s.from && at(*t) <= s.to).take(3).collect();
            let to = if inside.len() < 3 { s.to } else { at(inside[2]) };
            owed.shipped(&k, s.from, to, inside.len() as u64);
            inside.iter().for_each(|t| { left.remove(t); });
        }
        let owed = Owed::decode(&owed.encode()).unwrap();
        for t in left {
            prop_assert!(owed.all().any(|(_, s)| s.from <= at(t) && at(t) <= s.to), "{} is forgotten", t);
        }
        prop_assert!(owed.by.get(&key("a")).is_none_or(|list| list.len() <= MOST));
    }
}
