//! The register of devices: kept over restarts, bounded, and shut out for good.

#![allow(clippy::unwrap_used, reason = "the helpers of a test are a test")]

mod support;

use std::path::Path;
use std::sync::Arc;

use historian::{Config, Device, DeviceCertificate, Historian, OwnPatterns, Register, RegisterError};
use plant::{ManualClock, Timestamp};

const NOW: Timestamp = Timestamp::from_secs(1_795_392_000);

fn open(dir: &Path) -> Historian {
    Historian::open(Config::new(dir), Arc::new(ManualClock::new(NOW))).unwrap()
}

fn device(name: &str) -> Device {
    Device {
        name: name.into(),
        role: "device".into(),
        site: "韶钢".into(),
        group: String::new(),
        note: "hall 3".into(),
        created: NOW,
        revoked: None,
        hash: Some("$argon2id$one".into()),
        certificates: Vec::new(),
        own: OwnPatterns::default(),
    }
}

fn own(publish: &[&str], subscribe: &[&str]) -> OwnPatterns {
    let all = |some: &[&str]| some.iter().map(|&s| s.to_owned()).collect();
    OwnPatterns { publish: all(publish), subscribe: all(subscribe) }
}

fn certificate(n: usize) -> DeviceCertificate {
    let at = |s| Timestamp::from_secs(1_795_392_000 + s);
    DeviceCertificate {
        serial: format!("4a{n:02x}"),
        fingerprint: format!("{n:064x}"),
        issued: at(n as i64),
        expires: at(1_000_000),
        revoked: None,
    }
}

/// Holds now, after a restart, and for who only reads.
fn always(dir: &Path, check: impl Fn(&Register)) {
    for _ in 0..2 {
        let store = open(dir);
        check(&store.register());
        store.close().unwrap();
        check(&historian::open_read_only(dir).unwrap().1);
    }
}

#[test]
fn devices_and_their_certificates_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let r = store.register();
    r.add_device(&device("press-1")).unwrap();
    r.add_device(&device("三号风机")).unwrap();
    let twice = r.add_device(&device("press-1")).unwrap_err();
    assert!(matches!(&twice, RegisterError::Exists(n) if n == "press-1"), "{twice}");
    assert!(r.set_device_password("press-1", "$argon2id$two").unwrap());
    assert!(!r.set_device_password("nobody", "x").unwrap());
    assert!(r.add_certificate("press-1", &certificate(1), NOW).unwrap());
    assert!(!r.add_certificate("nobody", &certificate(2), NOW).unwrap());
    store.close().unwrap();
    always(dir.path(), |r| {
        let all = r.devices().unwrap();
        assert_eq!(all.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(), ["press-1", "三号风机"]);
        let press = r.device("press-1").unwrap().unwrap();
        let wanted =
            Device { hash: Some("$argon2id$two".into()), certificates: vec![certificate(1)], ..device("press-1") };
        assert_eq!(press, wanted);
        assert_eq!(all[0], press);
        assert_eq!(r.device_of_certificate(&certificate(1).fingerprint).unwrap(), Some(press));
        assert_eq!(r.device_of_certificate(&certificate(2).fingerprint).unwrap(), None);
        assert_eq!(r.device("nobody").unwrap(), None);
    });
}

#[test]
fn who_is_shut_out_stays_out_with_every_certificate_until_a_new_password() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let r = store.register();
    r.add_device(&device("m")).unwrap();
    (1..=2).for_each(|n| assert!(r.add_certificate("m", &certificate(n), NOW).unwrap()));
    assert!(r.revoke_certificate("m", "4a01", NOW).unwrap());
    assert!(!r.revoke_certificate("m", "4aff", NOW).unwrap());
    assert!(!r.revoke_certificate("other", "4a02", NOW).unwrap(), "not by another device's name");
    let later = Timestamp::from_secs(1_795_392_060);
    assert!(r.revoke_device("m", later).unwrap());
    assert!(r.revoke_device("m", Timestamp::from_secs(1_795_392_900)).unwrap());
    assert!(!r.revoke_device("nobody", later).unwrap());
    let m = r.device("m").unwrap().unwrap();
    assert_eq!(m.revoked, Some(later), "the first time counts");
    assert_eq!(m.certificates.iter().map(|c| c.revoked).collect::<Vec<_>>(), [Some(NOW), Some(later)]);
    assert!(m.certificates.iter().all(|c| !c.valid(later)));
    assert!(r.set_device_password("m", "new").unwrap());
    let m = r.device("m").unwrap().unwrap();
    assert_eq!(m.revoked, None);
    assert!(m.certificates.iter().all(|c| c.revoked.is_some()), "certificates stay revoked");
}

#[test]
fn certificates_of_a_device_are_bounded_and_only_expired_ones_are_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let r = store.register();
    r.add_device(&device("m")).unwrap();
    let short = DeviceCertificate { expires: Timestamp::from_secs(1_795_392_100), ..certificate(50) };
    for n in 0..100 {
        let c = if n == 50 { &short } else { &certificate(n) };
        assert!(r.add_certificate("m", c, NOW).unwrap());
    }
    assert!(r.revoke_certificate("m", "4a05", NOW).unwrap());
    let full = r.add_certificate("m", &certificate(100), NOW).unwrap_err().to_string();
    assert!(full.contains("100 certificates"), "{full}");
    let later = Timestamp::from_secs(1_795_392_200);
    assert!(r.add_certificate("m", &certificate(100), later).unwrap());
    let m = r.device("m").unwrap().unwrap();
    assert_eq!(m.certificates.len(), 100);
    assert!(m.certificates.iter().all(|c| c.serial != short.serial), "the one that expired has gone");
    assert!(m.certificates.iter().any(|c| c.serial == "4a05"), "the one that was revoked has not");
}

#[test]
fn patterns_of_its_own_are_kept_in_their_order_and_changed_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let r = store.register();
    let (first, second) = (own(&["b/#", "a/{device}"], &["+/x"]), own(&["z/#"], &[]));
    for name in ["gw", "press-1"] {
        r.add_device(&Device { own: first.clone(), ..device(name) }).unwrap();
    }
    r.add_device(&device("plain")).unwrap();
    assert!(r.set_device_own("gw", &second).unwrap());
    assert!(!r.set_device_own("nobody", &second).unwrap());
    let much = OwnPatterns { subscribe: vec!["a".into(); OwnPatterns::MOST + 1], ..second.clone() };
    let full = r.set_device_own("gw", &much).unwrap_err().to_string();
    assert!(full.contains("32 patterns"), "{full}");
    let full = r.add_device(&Device { own: much, ..device("another") }).unwrap_err().to_string();
    assert!(full.contains("32 patterns"), "{full}");
    store.close().unwrap();
    always(dir.path(), |r| {
        let wanted = [("gw", &second), ("plain", &OwnPatterns::default()), ("press-1", &first)];
        let all = r.devices().unwrap();
        assert_eq!(all.iter().map(|d| (d.name.as_str(), &d.own)).collect::<Vec<_>>(), wanted);
        for (name, own) in wanted {
            assert_eq!(r.device(name).unwrap().unwrap().own, *own);
        }
    });
}

/// Each earlier version of the tables that had devices is read as it stands, and brought up when it is opened.
#[test]
fn a_register_of_before_there_were_patterns_is_read_and_brought_up() {
    for (version, since) in [(5, ""), (4, "DROP TABLE rules;"), (3, "DROP TABLE rules; DROP TABLE ignored;")] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        store.register().add_device(&device("m")).unwrap();
        assert!(store.register().add_certificate("m", &certificate(1), NOW).unwrap());
        store.close().unwrap();
        let state = rusqlite::Connection::open(dir.path().join("state.db")).unwrap();
        state.execute_batch(support::STATE_6).unwrap();
        state.execute_batch(&format!("DROP TABLE own; {since} PRAGMA user_version={version};")).unwrap();
        drop(state);
        let wanted = Device { certificates: vec![certificate(1)], ..device("m") };
        let look = |r: &Register| {
            assert_eq!(r.device("m").unwrap().as_ref(), Some(&wanted), "from version {version}");
            assert_eq!(r.devices().unwrap(), std::slice::from_ref(&wanted));
        };
        look(&historian::open_read_only(dir.path()).unwrap().1);
        let store = open(dir.path());
        look(&store.register());
        assert!(store.register().set_device_own("m", &own(&["gw/#"], &[])).unwrap());
        store.close().unwrap();
        always(dir.path(), |r| assert_eq!(r.device("m").unwrap().unwrap().own, own(&["gw/#"], &[])));
    }
}
