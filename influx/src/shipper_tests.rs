use super::*;
use crate::config::Target;

const S: Duration = Duration::from_secs(1);

fn shipper() -> Shipper {
    let target = Target {
        host: "h".into(),
        port: 1,
        path: String::new(),
        tls: None,
        org: "o".into(),
        bucket: "b".into(),
        token: "t".into(),
    };
    Shipper::new(&Config { first_pause: S, longest_pause: 8 * S, slow_pause: 60 * S, ..Config::new(target) }, 7)
}

fn parcel(n: i64) -> Parcel {
    let mut lines = Lines::default();
    let mut naming = crate::line::Naming::default();
    for i in 0..n {
        let key = plant::SeriesKey::raw(format!("s/m/p{i}").parse().unwrap());
        let prefix = naming.of(&key, &plant::Plant::default());
        lines.point(prefix, plant::Timestamp::from_secs(i), &plant::Value::Int(i), plant::Quality::Good);
    }
    Parcel { origin: Origin::Alarms { to: (1, 1) }, lines }
}

fn http(status: u16) -> Answer {
    Answer::Http { status, retry_after: None, message: String::new() }
}

/// Sends everything to a server that answers by what it is sent; gives what arrived, how often was asked, and the end.
fn play(shipper: &mut Shipper, server: impl Fn(&str) -> Answer) -> (Vec<String>, usize, Settled) {
    let (mut arrived, mut asked, mut now) = (Vec::new(), 0, Duration::ZERO);
    loop {
        assert!(asked < 1_000, "it comes to no end");
        let answer = match shipper.step(now) {
            Step::Send(lines) => {
                asked += 1;
                let answer = server(lines);
                if answer == http(204) {
                    arrived.extend(lines.lines().map(str::to_owned));
                }
                answer
            }
            Step::Wait(until) => {
                assert!(until > now);
                now = until;
                continue;
            }
            Step::Settled(settled) => return (arrived, asked, settled),
            Step::Empty => panic!("the parcel is gone"),
        };
        shipper.answered(&answer, now);
    }
}

#[test]
fn a_parcel_that_is_taken_is_settled_and_an_empty_one_at_once() {
    let mut s = shipper();
    assert_eq!(s.step(S), Step::Empty);
    s.load(parcel(3));
    let (arrived, asked, settled) = play(&mut s, |_| http(204));
    assert_eq!((arrived.len(), asked, settled.taken, settled.refused.len()), (3, 1, 3, 0));
    s.load(parcel(0));
    assert!(matches!(s.step(S), Step::Settled(Settled { taken: 0, .. })));
}

#[test]
fn one_bad_line_is_found_and_the_others_arrive_in_order() {
    let mut s = shipper();
    s.load(parcel(100));
    let (arrived, asked, settled) = play(&mut s, |lines| http(if lines.contains("point=p37,") { 400 } else { 204 }));
    let arrived: Vec<_> = arrived.into_iter().filter(|l| !l.starts_with("danxia_probe")).collect();
    let expect: Vec<_> = parcel(100).lines.text().lines().filter(|l| !l.contains("=p37,")).map(str::to_owned).collect();
    assert_eq!(arrived, expect);
    assert_eq!((settled.taken, settled.refused.len()), (99, 1));
    assert!(settled.refused[0].line.contains("point=p37,"));
    assert!(asked <= 17, "{asked} requests");
}

#[test]
fn a_server_that_refuses_everything_refuses_us_and_no_line_is_lost() {
    let mut s = shipper();
    s.load(parcel(4));
    let mut now = Duration::ZERO;
    for _ in 0..50 {
        match s.step(now) {
            Step::Send(_) => s.answered(&http(400), now),
            Step::Wait(until) => now = until,
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(s.trouble(), Some(Trouble::Refused(_))));
    assert!(now > 200 * S, "and it is asked slowly");
    let (arrived, _, settled) = play(&mut s, |_| http(204));
    assert_eq!((arrived.len(), settled.taken, settled.refused.len()), (4, 4, 0));
    assert_eq!(s.trouble(), None);
}

#[test]
fn token_organisation_and_bucket_wait_for_somebody_and_skip_nothing() {
    for status in [401, 403, 404] {
        let mut s = shipper();
        s.load(parcel(2));
        assert!(matches!(s.step(S), Step::Send(_)));
        s.answered(&http(status), S);
        assert!(matches!(s.trouble(), Some(Trouble::Refused(_))));
        assert!(matches!(s.step(S), Step::Wait(until) if until >= 31 * S));
        assert_eq!(play(&mut s, |_| http(204)).2.taken, 2);
    }
}

#[test]
fn who_is_asked_to_wait_waits() {
    let mut s = shipper();
    s.load(parcel(2));
    let asked = Answer::Http { status: 429, retry_after: Some(20 * S), message: String::new() };
    assert!(matches!(s.step(S), Step::Send(_)));
    s.answered(&asked, S);
    assert!(matches!(s.step(S), Step::Wait(until) if until >= 21 * S && until < 23 * S));
    assert!(matches!(s.trouble(), Some(Trouble::Away(_))));
    assert_eq!(play(&mut s, |_| http(204)).2.taken, 2);
}

#[test]
fn what_is_too_large_is_halved_and_later_parcels_are_smaller() {
    let mut s = shipper();
    s.load(parcel(1_000));
    let before = s.fits();
    let (arrived, _, settled) = play(&mut s, |lines| http(if lines.len() > 10_000 { 413 } else { 204 }));
    assert_eq!((arrived.len(), settled.taken), (1_000, 1_000));
    assert!(s.fits() < before && s.fits() >= 4_096, "{}", s.fits());
}

#[test]
fn points_that_the_bucket_does_not_keep_are_counted_and_not_bad() {
    let mut s = shipper();
    s.load(parcel(5));
    let message = "failure writing points to database: partial write: points beyond retention policy dropped=3".into();
    let (_, asked, settled) =
        play(&mut s, |_| Answer::Http { status: 422, retry_after: None, message: String::clone(&message) });
    assert_eq!((asked, settled.taken, settled.expired, settled.refused.len()), (1, 5, 3, 0));
}
