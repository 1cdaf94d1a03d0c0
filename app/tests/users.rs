//! Who may log in: from the command line to the page and back.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{Instance, eventually, fresh_port};
use serde_json::{Value as Json, json};

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn danxia(data: &Path, args: &[&str], input: &str) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_danxia"))
        .args(args)
        .arg("--data")
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("danxia runs");
    // It may have said no before it read anything.
    let _ = child.stdin.take().expect("its input").write_all(input.as_bytes());
    let done = child.wait_with_output().expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    Said { code: done.status.code(), out: text(&done.stdout), err: text(&done.stderr) }
}

fn ok(data: &Path, args: &[&str], input: &str) -> Said {
    let said = danxia(data, args, input);
    assert_eq!(said.code, Some(0), "{args:?}: {}", said.err);
    said
}

/// One request with a cookie; status, the cookie that is set, body.
fn ask(port: u16, path: &str, cookie: &str, body: Option<&Json>) -> (u16, String, String) {
    let mut s = TcpStream::connect(("127.0.0.1", port)).expect("the page answers");
    let (method, body) = body.map_or(("GET", String::new()), |b| ("POST", b.to_string()));
    let head = format!(
        "Host: scada.plant\r\nCookie: {cookie}\r\nContent-Type: application/json\r\nContent-Length: {}",
        body.len()
    );
    write!(s, "{method} {path} HTTP/1.0\r\n{head}\r\n\r\n{body}").expect("it is sent");
    let mut text = String::new();
    s.read_to_string(&mut text).expect("an answer");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
    let set = head.lines().find_map(|l| l.strip_prefix("set-cookie: ")).and_then(|l| l.split(';').next());
    (status, set.unwrap_or_default().to_owned(), body.to_owned())
}

const PASSWORD: &str = "correct horse battery";

fn log_in(port: u16, name: &str, password: &str) -> (u16, String) {
    let (status, cookie, _) = ask(port, "/api/v1/login", "", Some(&json!({"name": name, "password": password})));
    (status, cookie)
}

#[test]
fn an_account_of_the_command_line_logs_in_is_changed_and_its_changes_outlive_a_kill() {
    let dir = tempfile::tempdir().expect("a directory");
    let data: PathBuf = dir.path().join("data");
    let refused = danxia(&data, &["user", "add", "wang", "--role", "viewer"], "");
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    assert!(refused.err.contains("there is no administrator yet"), "{}", refused.err);
    ok(&data, &["user", "add", "lin", "--role", "administrator", "--password-stdin"], &format!("{PASSWORD}\n"));
    let made = ok(&data, &["user", "add", "wang", "--role", "operator", "--area", "s/mill"], "");
    let password = made.out.lines().find_map(|l| l.strip_prefix("password ")).expect("a password").to_owned();
    for (args, words) in [
        (&["user", "add", "x", "--role", "root"][..], "the role is \"root\""),
        (&["user", "add", "a/b", "--role", "viewer"], "without '/'"),
        (&["user", "add", "y", "--role", "viewer", "--area", "a/b/c"], "site/area"),
        (&["user", "passwd", "nobody"], "no account \"nobody\""),
    ] {
        let said = danxia(&data, args, "");
        assert!(matches!(said.code, Some(1 | 2)) && said.err.contains(words), "{args:?}: {}", said.err);
    }
    let list = ok(&data, &["user", "list", "--json"], "");
    let list: Json = serde_json::from_str(&list.out).expect("JSON");
    assert_eq!(
        list[1],
        json!({"name": "wang", "role": "operator", "areas": ["s/mill"], "disabled": false, "provider": false})
    );

    let (mqtt, http) = (fresh_port(), fresh_port());
    let instance = Instance::start_closed(&data, mqtt, http, &["--adopt"]);
    assert_eq!(instance.try_get("/api/v1/overview").map(|(status, _)| status), Some(401));
    let mode = std::fs::metadata(data.join("instance.secret")).expect("the secret").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(log_in(http, "lin", "a wrong password").0, 401);
    let (status, lin) = log_in(http, "lin", PASSWORD);
    assert_eq!(status, 200);
    assert_eq!(ask(http, "/api/v1/users", &lin, None).0, 200);
    let (_, wang) = log_in(http, "wang", &password);
    assert_eq!(ask(http, "/api/v1/overview", &wang, None).0, 200);

    // Beside a running instance the command line comes with what lies beside the store.
    let said = ok(&data, &["user", "disable", "wang"], "");
    assert!(said.err.contains("an instance runs"), "{}", said.err);
    assert_eq!(ask(http, "/api/v1/overview", &wang, None).0, 401, "at once");
    ok(&data, &["user", "revoke-sessions", "lin"], "");
    assert_eq!(ask(http, "/api/v1/users", &lin, None).0, 401);
    ok(&data, &["device", "add", "press", "--site", "s"], "");
    let said = danxia(&data, &["user", "disable", "lin"], "");
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("last administrator"), "{}", said.err);
    let fresh = ok(&data, &["user", "passwd", "lin"], "").out;
    let fresh = fresh.lines().find_map(|l| l.strip_prefix("password ")).expect("a password").to_owned();
    instance.kill();

    let verified = ok(&data, &["verify"], "");
    assert!(verified.out.contains("all sound"), "{}", verified.out);
    let audit = verified.out.lines().find(|l| l.starts_with("chain of the audit: ")).expect("the chain");
    let rows: u64 = audit.split(' ').nth(4).and_then(|n| n.parse().ok()).expect("how many");
    // Two accounts; one log-in that failed and two that did not; and five of the command line, one of them refused.
    assert_eq!(rows, 2 + 3 + 5, "{audit}");
    let instance = Instance::start_closed(&data, mqtt, http, &["--adopt"]);
    assert_eq!(log_in(http, "lin", &fresh).0, 200);
    assert_eq!(log_in(http, "wang", &password).0, 401);
    instance.stop();
    assert!(!data.join("instance.secret").exists());

    let state = data.join("state.db");
    let mut bytes = std::fs::read(&state).expect("the register");
    let at = bytes.windows(12).position(|w| w == b"command line").expect("who acted");
    bytes[at] = b'C';
    std::fs::write(&state, bytes).expect("it is written past the platform");
    let verified = danxia(&data, &["verify"], "");
    assert_eq!(verified.code, Some(1));
    assert!(
        verified.out.contains("entry of the audit log") && verified.out.contains("does not fit"),
        "{}",
        verified.out
    );
}

#[test]
fn the_first_start_prints_a_link_that_makes_the_first_administrator() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mqtt, http) = (fresh_port(), fresh_port());
    let log = dir.path().join("log");
    let mut child = Command::new(env!("CARGO_BIN_EXE_danxia"))
        .args(["run", "--data"])
        .arg(dir.path().join("data"))
        .args(["--mqtt", &format!("127.0.0.1:{mqtt}"), "--http", &format!("127.0.0.1:{http}")])
        .env("DANXIA__LOG", "trace")
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).expect("a log"))
        .spawn()
        .expect("danxia starts");
    let said = || std::fs::read_to_string(&log).expect("the log");
    let link = format!("http://127.0.0.1:{http}/#/setup?code=");
    assert!(eventually(Duration::from_secs(60), || said().contains(&link)), "{}", said());
    let code: String = said().split(&link).nth(1).expect("a code").chars().take(32).collect();
    let setup = json!({"code": code, "name": "lin", "password": PASSWORD});
    let (status, body) = common::ask(http, "POST", "/api/v1/setup", &setup.to_string()).expect("an answer");
    assert_eq!(status, 200, "{body}");
    let answered = common::ask(http, "GET", "/api/v1/overview", "").expect("an answer");
    assert_eq!(answered.0, 401, "from now on log-in is needed");
    let (status, cookie) = log_in(http, "lin", PASSWORD);
    assert_eq!(status, 200);
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let log = said();
    let secret = cookie.split('=').nth(1).expect("a secret");
    for secret in [PASSWORD, secret, "$argon2id$"] {
        assert!(!log.contains(secret), "the log holds {secret:?}");
    }
}

/// `danxia user list` of a page over TLS, with this token.
fn list_at(url: &str, more: &[&str], token: &str) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_danxia"));
    command.args(["user", "list", "--url", url]).args(more).env("DANXIA_TOKEN", token);
    let done = command.output().expect("danxia runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    Said { code: done.status.code(), out: text(&done.stdout), err: text(&done.stderr) }
}

#[test]
fn a_page_over_tls_is_asked_by_who_knows_who_vouches_for_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let data: PathBuf = dir.path().join("data");
    ok(&data, &["user", "add", "lin", "--role", "administrator", "--password-stdin"], &format!("{PASSWORD}\n"));
    let (mqtt, http, tls) = (fresh_port(), fresh_port(), fresh_port());
    let settings = dir.path().join("danxia.toml");
    std::fs::write(&settings, format!("[http]\ntls_listen = \"127.0.0.1:{tls}\"\n")).expect("settings");
    let settings = settings.to_str().expect("UTF-8");
    let instance = Instance::start_closed(&data, mqtt, http, &["--config", settings]);
    let (_, lin) = log_in(http, "lin", PASSWORD);
    let body = json!({"name": "programs", "role": "administrator"});
    let (status, _, made) = ask(http, "/api/v1/tokens", &lin, Some(&body));
    assert_eq!(status, 201, "{made}");
    let made: Json = serde_json::from_str(&made).expect("JSON");
    let token = made["secret"].as_str().expect("a secret");

    let ca = data.join("ca.crt");
    let ca = ["--ca", ca.to_str().expect("UTF-8")];
    let page = format!("https://localhost:{tls}");
    let said = list_at(&page, &ca, token);
    assert_eq!((said.code, &*said.out), (Some(0), "lin\tadministrator\t*\tactive\tpassword\n"), "{}", said.err);
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../broker/tests/tls/localhost.crt");
    let stranger = list_at(&page, &["--ca", own.to_str().expect("UTF-8")], token);
    assert_eq!(stranger.code, Some(1));
    assert!(stranger.err.contains("does not answer: invalid peer certificate"), "{}", stranger.err);
    let refused = list_at(&format!("http://localhost:{http}"), &ca, token);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("give its https:// address"), "{}", refused.err);
    let doctor = danxia(&data, &["doctor", "--config", settings, "--http", &format!("127.0.0.1:{http}")], "");
    let line = doctor.out.lines().find(|l| l.contains("trust ")).unwrap_or_else(|| panic!("{}", doctor.out));
    assert!(line.starts_with("ok") && line.contains(&format!("https://127.0.0.1:{tls}")), "{line}");
    instance.stop();
}
