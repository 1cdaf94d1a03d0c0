//! `[notify]`, right and wrong.

use std::os::unix::fs::PermissionsExt;

use super::super::{ConfigError, Flags, Sources};
use super::*;

/// A directory with a file of addresses and one of secrets, for their owner.
fn place() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [("url", "http://10.0.0.1/send?access_token=very-secret\n"), ("key", "very-secret\n")] {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    dir
}

fn sources(dir: &Path, toml: &str) -> Result<Sources, ConfigError> {
    let path = dir.join("danxia.toml");
    std::fs::write(&path, toml.replace("DIR", &dir.display().to_string())).unwrap();
    Sources::new(Some(&path), Flags::default())
}

const WHOLE: &str = r#"
[notify]
public_url = "https://danxia.plant/"
allow = ["smtp.plant", "10.0.0.0/8"]

[notify.channel.mail]
kind = "email"
host = "smtp.plant"
security = "none"
from = "Danxia <danxia@plant.example>"

[notify.channel.group]
kind = "dingtalk"
url_file = "DIR/url"
secret_file = "DIR/key"
language = "en"

[notify.person.lin]
title = "林"
email = "lin@plant.example"
channels = ["mail", "group"]
quiet = [{ from = "22:00", to = "06:00", priorities = [3, 4] }]

[notify.shift.night]
from = "20:00"
to = "08:00"
days = ["mon", "sun"]

[notify.roster.mechanics]
night = ["lin"]

[notify.route.mill]
sites = ["mill"]
priorities = [1, 2]
conditions = ["limit", "bearing"]
shifts = ["night"]
levels = [{ to = ["roster:mechanics", "channel:group"] }, { after_s = 900, to = ["person:lin"] }]
returned = true
"#;

#[test]
fn the_whole_is_read_and_no_secret_is_shown() {
    let dir = place();
    let sources = sources(dir.path(), WHOLE).unwrap();
    let n = sources.settings().unwrap().notify.unwrap();
    assert_eq!(n.public_url, "https://danxia.plant");
    assert_eq!(
        n.setups.iter().map(|(n, s)| (&**n, s.kind())).collect::<Vec<_>>(),
        [("group", "dingtalk"), ("mail", "email")]
    );
    let lin = &n.settings.people["lin"];
    assert_eq!(
        (&*lin.title, lin.email.as_deref(), lin.quiet[0].hours.from),
        ("林", Some("lin@plant.example"), 22 * 60)
    );
    assert_eq!(
        n.settings.rosters["mechanics"],
        [(Hours { days: 0b100_0001, from: 1200, to: 480 }, vec!["lin".into()])]
    );
    let route = &n.settings.routes["mill"];
    assert_eq!((route.levels.len(), route.levels[1].after, route.returned), (2, Duration::from_secs(900), true));
    assert!(n.policy.judge("smtp.plant", "192.168.0.1".parse().unwrap()).is_ok());
    assert!(n.policy.judge("other", "127.0.0.1".parse().unwrap()).is_err());
    assert!(!format!("{n:?}").contains("very-secret"), "{n:?}");
    let rows = sources.list().unwrap();
    assert!(rows.iter().all(|r| !r.1.contains("very-secret")));
    let levels = rows.iter().find(|r| r.0 == "notify.route.mill.levels").unwrap();
    assert_eq!(levels.1, r#"[{to = ["roster:mechanics", "channel:group"]}, {after_s = 900, to = ["person:lin"]}]"#);
}

#[test]
fn every_mistake_is_answered_with_what_to_do() {
    let dir = place();
    let open = dir.path().join("open");
    std::fs::write(&open, "x\n").unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).unwrap();
    for (from, to, wanted) in [
        ("public_url", "publik_url", "did you mean \"notify.public_url\"?"),
        ("https://danxia.plant/", "danxia.plant", "notify.public_url is \"danxia.plant\": expected where people"),
        ("10.0.0.0/8", "10.0.0.0/33", "notify.allow is \"10.0.0.0/33\""),
        ("\"email\"", "\"mail\"", "notify.channel.mail.kind is \"mail\": expected \"email\""),
        ("\"none\"", "\"ssl\"", "expected \"starttls\", \"tls\" or \"none\""),
        ("Danxia <danxia@plant.example>", "nobody", "notify.channel.mail.from"),
        ("url_file = \"DIR/url\"", "url = \"https://robot/?key=k\"", "url_file"),
        ("url_file = \"DIR/url\"", "url_file = \"DIR/open\"", "chmod 600"),
        ("secret_file = \"DIR/key\"", "secret_file = \"/nowhere\"", "cannot be read"),
        ("secret_file = \"DIR/key\"", "host = \"h\"", "for channels of the kind \"email\""),
        ("language = \"en\"", "language = \"de\"", "expected \"zh-CN\" or \"en\""),
        ("language = \"en\"", "per_minute = 0", "expected 1 to 100"),
        ("email = \"lin@plant.example\"\n", "", "notify.person.lin.email"),
        ("lin@plant.example", "lin@plant\\r\\nBcc: x@y", "notify.person.lin.email"),
        ("\"mail\", \"group\"", "\"post\"", "there is no such [notify.channel.NAME]"),
        ("22:00", "25:00", "expected a time such as 06:30"),
        ("[3, 4]", "[5]", "expected priorities from 1 to 4"),
        ("\"mon\"", "\"monday\"", "expected days such as mon, tue"),
        ("night = [\"lin\"]", "day = [\"lin\"]", "there is no such [notify.shift.NAME]"),
        ("night = [\"lin\"]", "night = [\"wang\"]", "there is no such [notify.person.NAME]"),
        ("\"bearing\"", "\"bearings\"", "expected some of limit, vibration"),
        ("\"channel:group\"", "\"channel:mail\"", "name a person or a roster"),
        ("\"channel:group\"", "\"lin\"", "expected person:NAME"),
        ("after_s = 900", "after_s = 9000000", "a week"),
        ("[notify]", "[notify]\ntimeout_s = 0", "notify.timeout_s is \"0\""),
    ] {
        assert!(WHOLE.contains(from), "{from}");
        let toml = WHOLE.replacen(from, to, 1);
        let said = sources(dir.path(), &toml).and_then(|s| s.settings()).expect_err(to).to_string();
        assert!(said.contains(wanted), "{to:?} was answered with {said:?}");
        assert!(!said.contains("very-secret"), "{said}");
    }
    let said = sources(dir.path(), "[notify.person.lin]\nchannels = []\n").unwrap().settings().unwrap_err().to_string();
    assert!(said.contains("there must be a [notify.channel.NAME]"), "{said}");
    assert!(sources(dir.path(), "").unwrap().settings().unwrap().notify.is_none(), "nothing is set, nothing is sent");
}
