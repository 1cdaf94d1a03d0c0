//! The chains over the alarm journal and the audit log: what was changed past this program is seen, and where.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::path::Path;

use historian::{
    AUDIT_OK, Account, AccountChange, AuditFilter, AuditRecord, Batch, Config, Historian, Identity, RegisterError,
    Session, Token, open_read_only, verify,
};
use plant::access::{Areas, Role};
use plant::{AlarmCondition, AlarmKey, AlarmState, AlarmTransition, Evidence, Finding, Priority, Timestamp, Trigger};
use support::{Embedded, End, START, Store, restless};

fn step(n: i64) -> Finding {
    let (from, to) = match n % 2 {
        0 => (AlarmState::Normal, AlarmState::Unacknowledged),
        _ => (AlarmState::Unacknowledged, AlarmState::Normal),
    };
    Finding::Alarm(AlarmTransition {
        key: AlarmKey { machine: "s/m".parse().unwrap(), point: None, condition: AlarmCondition::Offline },
        priority: Priority::High,
        from,
        to,
        trigger: if n % 2 == 0 { Trigger::Raised } else { Trigger::Cleared },
        t: Timestamp::from_secs(1_700_000_000 + n),
        value: None,
        limit: None,
        unit: None,
        evidence: Evidence::default(),
        inhibited: None,
        first_out: false,
    })
}

fn note(action: &str, subject: &str) -> AuditRecord {
    AuditRecord {
        t: START,
        who: "林".into(),
        origin: "10.0.0.7".into(),
        action: action.into(),
        subject: subject.into(),
        was: String::new(),
        now: "{\"n\":1}".into(),
        outcome: AUDIT_OK.into(),
    }
}

fn execute(dir: &Path, sql: &str) {
    rusqlite::Connection::open(dir.join("state.db")).unwrap().execute_batch(sql).unwrap();
}

/// Six steps of alarms in three commits, and six entries of the audit log between them.
fn filled() -> Embedded {
    let mut store = Embedded::new(restless);
    for n in 0..3 {
        store.put(Batch { findings: vec![step(2 * n), step(2 * n + 1)], ..Batch::default() }).unwrap();
        for i in 0..2 {
            store.historian().register().note(&note("alarm.acknowledge", &format!("a{n}{i}"))).unwrap();
        }
        store.restart(if n % 2 == 0 { End::Killed } else { End::Closed });
    }
    store
}

#[test]
fn what_was_edited_removed_swapped_or_cut_off_is_named() {
    let body = "CAST(substr(body, 1, 5) || x'55' || substr(body, 7) AS BLOB)";
    let swap_audit = "UPDATE audit SET id = -1 WHERE id = 2; UPDATE audit SET id = 2 WHERE id = 3;
                      UPDATE audit SET id = 3 WHERE id = -1;";
    let swap_journal = "CREATE TABLE x AS SELECT * FROM journal WHERE seq = 2;
        UPDATE journal SET body = (SELECT body FROM x WHERE n = 1), link = (SELECT link FROM x WHERE n = 1)
          WHERE seq = 2 AND n = 0;
        UPDATE journal SET body = (SELECT body FROM x WHERE n = 0), link = (SELECT link FROM x WHERE n = 0)
          WHERE seq = 2 AND n = 1; DROP TABLE x;";
    let cases = [
        ("UPDATE audit SET subject = 'b' WHERE id = 3".to_owned(), "entry of the audit log 3 does not fit"),
        ("UPDATE audit SET who = 'x', link = x'00' WHERE id = 1".into(), "entry of the audit log 1 does not fit"),
        ("DELETE FROM audit WHERE id = 3".into(), "entry of the audit log 4 does not fit"),
        ("DELETE FROM audit WHERE id = 1".into(), "entry of the audit log 2 does not fit"),
        ("DELETE FROM audit WHERE id > 4".into(), "the chain of the audit ends after 4 rows and not after 6"),
        ("DELETE FROM audit".into(), "the chain of the audit ends after 0 rows and not after 6"),
        (swap_audit.into(), "entry of the audit log 2 does not fit"),
        ("DELETE FROM chain WHERE name = 'audit'".into(), "the chain of the audit is not there"),
        (format!("UPDATE journal SET body = {body} WHERE seq = 2 AND n = 1"), "step of the alarm journal 2.1 does"),
        ("UPDATE journal SET alarm = 7 WHERE seq = 1 AND n = 0".into(), "step of the alarm journal 1.0 does not fit"),
        ("DELETE FROM journal WHERE seq = 2".into(), "step of the alarm journal 3.0 does not fit"),
        ("DELETE FROM journal WHERE seq = 3 AND n = 1".into(), "the chain of the journal ends after 5 rows"),
        (swap_journal.into(), "step of the alarm journal 2.0 does not fit"),
    ];
    for (sql, named) in cases {
        let mut store = filled();
        store.close();
        let sound = verify(store.dir()).unwrap();
        assert!(sound.is_clean(), "{:?}", sound.faults);
        assert_eq!(
            sound.chains.iter().map(|c| (c.name, c.rows, c.since)).collect::<Vec<_>>(),
            [("journal", 6, 0), ("audit", 6, 0)]
        );
        execute(store.dir(), &sql);
        let faults = verify(store.dir()).unwrap().faults;
        let about: Vec<_> = faults.iter().filter(|f| f.contains("chain")).collect();
        assert!(about.len() == 1 && about[0].contains(named), "{sql}: {faults:?}");
    }
}

#[test]
fn a_journal_of_before_is_chained_when_it_is_opened_and_goes_on() {
    let mut store = filled();
    store.close();
    execute(store.dir(), support::STATE_6);
    let old = verify(store.dir()).unwrap();
    assert!(old.is_clean() && old.chains.is_empty(), "{old:?}");
    let (_, register) = open_read_only(store.dir()).unwrap();
    assert_eq!(register.alarm_journal(None, None, 9).unwrap().len(), 6);
    assert_eq!(register.audit(&AuditFilter::default(), 9).unwrap(), []);
    assert!(register.access().unwrap().accounts.is_empty() && !register.has_administrator().unwrap());
    store.reopen();
    store.put(Batch { findings: vec![step(8)], ..Batch::default() }).unwrap();
    store.close();
    let now = verify(store.dir()).unwrap();
    assert!(now.is_clean(), "{:?}", now.faults);
    assert_eq!((now.chains[0].rows, now.chains[0].since), (7, 6));
    execute(store.dir(), "UPDATE journal SET link = x'' WHERE seq = 1 AND n = 1");
    assert!(verify(store.dir()).unwrap().faults[0].contains("1.1 does not fit"));
}

#[test]
fn entries_are_found_by_who_what_and_when_and_long_ones_are_cut() {
    let store = Embedded::new(restless);
    let register = store.historian().register();
    for (i, (who, action, subject, outcome)) in [
        ("林", "login", "", AUDIT_OK),
        ("", "login", "林", "credentials"),
        ("林", "user.add", "王", AUDIT_OK),
        ("token:mes", "alarm.acknowledge", "00ff", "forbidden"),
        ("林", "user", "王", AUDIT_OK),
        ("林", "userless", &"x".repeat(9_000), AUDIT_OK),
    ]
    .into_iter()
    .enumerate()
    {
        let t = Timestamp::from_secs(i as i64);
        register.note(&AuditRecord { t, who: who.into(), outcome: outcome.into(), ..note(action, subject) }).unwrap();
    }
    let find = |f: AuditFilter| register.audit(&f, 9).unwrap().iter().map(|e| e.id).collect::<Vec<_>>();
    let all = AuditFilter::default;
    assert_eq!(find(all()), [6, 5, 4, 3, 2, 1]);
    assert_eq!(find(AuditFilter { before: Some(3), ..all() }), [2, 1]);
    assert_eq!(find(AuditFilter { who: Some("林".into()), before: Some(6), ..all() }), [5, 3, 1]);
    assert_eq!(find(AuditFilter { action: Some("user".into()), ..all() }), [5, 3]);
    assert_eq!(find(AuditFilter { subject: Some("林".into()), ..all() }), [2]);
    assert_eq!(find(AuditFilter { ok: Some(false), ..all() }), [4, 2]);
    let (from, to) = (Timestamp::from_secs(1), Timestamp::from_secs(3));
    assert_eq!(find(AuditFilter { from: Some(from), to: Some(to), ..all() }), [3, 2]);
    assert_eq!(register.audit(&all(), 1).unwrap()[0].record.subject.len(), 2_003);
    assert_eq!(find(AuditFilter { who: Some("' OR 1=1 --".into()), ..all() }), [0_u64; 0]);
}

fn account(name: &str, role: Role) -> Account {
    Account {
        name: name.into(),
        hash: "$argon2id$one".into(),
        role,
        areas: Areas::All,
        language: String::new(),
        created: START,
        disabled: None,
        identity: None,
    }
}

fn session(n: u8, account: &str) -> Session {
    Session {
        hash: [n; 32],
        account: account.into(),
        created: START,
        seen: Timestamp::from_secs(1_700_000_000 + i64::from(n)),
        expires: Timestamp::from_secs(1_800_000_000),
        address: "127.0.0.1".into(),
        agent: "a browser".into(),
    }
}

#[test]
fn accounts_sessions_and_tokens_are_kept_and_bounded() {
    let mut store = Embedded::new(restless);
    let r = store.historian().register();
    let mut lin = account("林", Role::Administrator);
    let parts = ["s/mill", "t"].map(|p| p.parse().unwrap());
    let wang = Account { areas: Areas::Some(parts.into()), ..account("wang", Role::Operator) };
    r.add_account(&lin, &note("user.add", "林")).unwrap();
    r.add_account(&wang, &note("user.add", "wang")).unwrap();
    let twice = r.add_account(&lin, &note("user.add", "林")).unwrap_err();
    let who = |subject: &str| Some(Identity { issuer: "https://login.plant".into(), subject: subject.into() });
    let zhao = Account { hash: String::new(), identity: who("17"), ..account("zhao", Role::Viewer) };
    r.add_account(&zhao, &note("user.add", "zhao")).unwrap();
    let same = Account { name: "zhao2".into(), ..zhao.clone() };
    let same = r.add_account(&same, &note("user.add", "zhao2")).unwrap_err();
    assert!(matches!(&same, RegisterError::Taken { name, .. } if name == "17"), "{same}");
    assert!(matches!(&twice, RegisterError::Taken { name, .. } if name == "林"), "{twice}");
    for n in 0..25 {
        r.begin_session(&session(n, "林"), &note("login", "林")).unwrap();
    }
    r.begin_session(&session(100, "wang"), &note("login", "wang")).unwrap();
    let of = |r: &historian::Register, name: &str| {
        let all = r.access().unwrap().sessions;
        all.iter().filter(|s| s.account == name).map(|s| s.hash[0]).collect::<Vec<_>>()
    };
    assert_eq!(of(&r, "林"), (5..25).rev().collect::<Vec<_>>(), "the oldest give way");
    let change = AccountChange {
        hash: Some("$argon2id$two".into()),
        language: Some("zh-CN".into()),
        end: Some(Some([7; 32])),
        ..AccountChange::default()
    };
    assert!(r.change_account("林", &change, &note("password", "林")).unwrap());
    assert!(!r.change_account("nobody", &change, &note("password", "nobody")).unwrap());
    assert_eq!((of(&r, "林"), of(&r, "wang")), (vec![7], vec![100]));
    (lin.hash, lin.language) = ("$argon2id$two".into(), "zh-CN".into());
    let token = Token {
        hash: [9; 32],
        name: "mes".into(),
        role: Role::Viewer,
        areas: Areas::Some([].into()),
        author: "林".into(),
        created: START,
        expires: Some(Timestamp::from_secs(1_800_000_000)),
        used: None,
    };
    r.add_token(&token, &note("token.add", "mes")).unwrap();
    let again = Token { hash: [8; 32], ..token.clone() };
    assert!(matches!(r.add_token(&again, &note("token.add", "mes")), Err(RegisterError::Taken { .. })));
    r.touch(&[([9; 32], START), ([100; 32], START)]).unwrap();
    drop(r);
    for end in [End::Killed, End::Closed] {
        store.restart(end);
        let access = store.historian().register().access().unwrap();
        assert_eq!(access.accounts, [wang.clone(), zhao.clone(), lin.clone()]);
        assert!(access.tokens == [Token { used: Some(START), ..token.clone() }]);
        assert_eq!(access.sessions.iter().find(|s| s.account == "wang").map(|s| s.seen), Some(START));
    }
    let r = store.historian().register();
    assert!(r.end_session(&[7; 32], &note("logout", "林")).unwrap());
    assert!(!r.end_session(&[7; 32], &note("logout", "林")).unwrap());
    assert_eq!(r.end_sessions("wang", None, &note("sessions.end", "wang")).unwrap(), 1);
    assert!(r.revoke_token("mes", &note("token.revoke", "mes")).unwrap());
    assert!(!r.revoke_token("mes", &note("token.revoke", "mes")).unwrap());
    // What did not happen is not told of by the register.
    assert_eq!(r.audit(&AuditFilter::default(), 99).unwrap().len(), 3 + 26 + 1 + 1 + 3);
    assert!(verify(store.dir()).unwrap().is_clean());
}

#[test]
fn the_last_administrator_stays_one() {
    let store = Embedded::new(restless);
    let r = store.historian().register();
    r.add_account(&account("a", Role::Administrator), &note("user.add", "a")).unwrap();
    let less = AccountChange { role: Some(Role::Viewer), ..AccountChange::default() };
    let out = AccountChange { disabled: Some(Some(START)), ..AccountChange::default() };
    for change in [&less, &out] {
        let refused = r.change_account("a", change, &note("user.change", "a")).unwrap_err();
        assert!(matches!(refused, RegisterError::LastAdministrator), "{refused}");
        assert!(r.has_administrator().unwrap(), "nothing of it happened");
    }
    r.add_account(&account("b", Role::Administrator), &note("user.add", "b")).unwrap();
    assert!(r.change_account("a", &out, &note("user.change", "a")).unwrap());
    assert!(matches!(r.change_account("b", &less, &note("", "")), Err(RegisterError::LastAdministrator)));
    assert_eq!(r.audit(&AuditFilter::default(), 9).unwrap().len(), 3);
}

/// A change that cannot be written whole leaves neither itself nor its entry; a kill in between leaves a chain that fits.
#[test]
fn an_account_changes_with_its_entry_or_not_at_all() {
    for table in ["account", "session", "audit"] {
        let mut store = Embedded::new(restless);
        let r = store.historian().register();
        r.add_account(&account("a", Role::Administrator), &note("user.add", "a")).unwrap();
        execute(
            store.dir(),
            &format!("CREATE TRIGGER stop BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'x'); END"),
        );
        let whole = || {
            let r = store.historian().register();
            let access = r.access().unwrap();
            (access.accounts.len(), access.sessions.len(), r.audit(&AuditFilter::default(), 9).unwrap().len())
        };
        let added = r.add_account(&account("b", Role::Viewer), &note("user.add", "b")).is_ok();
        let began = r.begin_session(&session(1, "a"), &note("login", "a")).is_ok();
        let n = usize::from(added) + usize::from(began);
        assert_eq!(whole(), (1 + usize::from(added), usize::from(began), 1 + n), "{table}");
        assert!(n < 2, "{table}");
        drop(r);
        execute(store.dir(), "DROP TRIGGER stop");
        store.restart(End::Killed);
        store.historian().register().note(&note("x", "y")).unwrap();
        assert!(verify(store.dir()).unwrap().is_clean());
    }
}

#[test]
fn a_register_that_is_only_read_takes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    Historian::open(Config::new(dir.path()), support::clock()).unwrap().close().unwrap();
    let (_, r) = open_read_only(dir.path()).unwrap();
    assert!(matches!(r.note(&note("x", "y")), Err(RegisterError::ReadOnly)));
}
