//! The ledger of a period as a statement that this installation signs.
//!
//! What is signed is the member `statement`, written as RFC 8785 says (members in order of their names, no white space):
//! its names are ASCII and its numbers whole and below 2⁵³, for which `serde_json` writes just that. The key is Ed25519
//! (RFC 8032), made at first use and kept beside the store in a file that only its owner reads.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use historian::{Archive, LedgerDelta};
use plant::Timestamp;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde_json::{Map, Value, json};

/// The file of the key, in the store's directory.
const KEY: &str = "statement.key";
/// Version of the form.
const VERSION: u64 = 1;
/// A statement has one line a source; this is far more than there are.
const MAX_FILE: u64 = 64 << 20;

/// Signs for one installation.
#[derive(Clone, Debug)]
pub struct Signer {
    dir: PathBuf,
}

impl Signer {
    /// For the installation whose store is in `dir`.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// The statement for the stretches of time that begin in `from <= t < to`, issued at `now`: JSON, for people too.
    pub fn statement(
        &self,
        archive: &Archive,
        from: Timestamp,
        to: Timestamp,
        now: Timestamp,
    ) -> anyhow::Result<String> {
        let key = self.key()?;
        let statement = content(archive, from, to, now)?;
        let signed = canonical(&statement);
        let whole = json!({
            "statement": statement,
            "sha256": hex(digest(&SHA256, signed.as_bytes()).as_ref()),
            "key": public(key.public_key().as_ref()),
            "signature": hex(key.sign(signed.as_bytes()).as_ref()),
        });
        Ok(serde_json::to_string_pretty(&whole)?)
    }

    fn key(&self) -> anyhow::Result<Ed25519KeyPair> {
        let path = self.dir.join(KEY);
        let bytes = match fs::read(&path) {
            Ok(bytes) => {
                let mode = fs::metadata(&path)?.permissions().mode();
                ensure!(
                    mode & 0o077 == 0,
                    "{} may be read by others (mode {:o}): whoever reads it can sign in this installation's name; \
                     make another one, or set its mode to 600 if you are sure that nobody did",
                    path.display(),
                    mode & 0o777
                );
                bytes
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => make(&path)?,
            Err(e) => return Err(e).with_context(|| format!("the key {} cannot be read", path.display())),
        };
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes).map_err(|e| {
            anyhow::anyhow!(
                "{} holds no Ed25519 key ({e}): restore it from a backup, or remove it to make another",
                path.display()
            )
        })
    }
}

/// Makes the key. It is whole on disk before it has its name; of two that are made at once, the first stays.
fn make(path: &Path) -> anyhow::Result<Vec<u8>> {
    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
    let key = key.map_err(|_| anyhow::anyhow!("the system gives no random numbers: no key could be made"))?;
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(key.as_ref())?;
        file.sync_all()?;
        match fs::hard_link(&draft, path) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => fs::remove_file(&draft)?,
        }
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().with_context(|| format!("the key {} could not be written", path.display()))?;
    Ok(fs::read(path)?)
}

fn content(archive: &Archive, from: Timestamp, to: Timestamp, now: Timestamp) -> anyhow::Result<Value> {
    let (lines, spans) = archive.ledger_history(from, to)?;
    let mut sources: BTreeMap<&str, LedgerDelta> = BTreeMap::new();
    let mut total = LedgerDelta::default();
    for line in &lines {
        sources.entry(&line.counts.source).or_default().add(&line.counts);
        total.add(&line.counts);
    }
    let journal = spans.first().zip(spans.last());
    Ok(json!({
        "form": VERSION,
        "from": time(from),
        "to": time(to),
        "issued": time(now),
        // Stretches are minutes, or hours where it is long ago; the period holds whole ones.
        "covers": journal.map(|(first, last)| json!({ "from": time(first.t), "to": time(last.t + last.width) })),
        "journal": journal.map(|(first, last)| json!({ "first": first.first, "last": last.last })),
        "sources": sources.iter().map(|(source, l)| counts(l, Some(source))).collect::<Vec<_>>(),
        "total": counts(&total, None),
    }))
}

fn counts(l: &LedgerDelta, source: Option<&str>) -> Value {
    let mut fields = json!({
        "received": l.received, "released": l.released, "committed": l.committed, "duplicates": l.duplicates,
        "quarantined": l.quarantined, "refused": l.refused, "gaps": l.gaps,
    });
    if let (Some(fields), Some(source)) = (fields.as_object_mut(), source) {
        fields.insert("source".into(), source.into());
    }
    fields
}

fn time(t: Timestamp) -> Value {
    web::dto::Time(t).to_string().into()
}

/// What is signed.
fn canonical(statement: &Value) -> String {
    statement.to_string()
}

/// Checks a statement's text against the public key `key`; gives a sentence on what it says.
pub fn check(text: &str, key: &str) -> anyhow::Result<String> {
    let wanted = unhex(key.strip_prefix("ed25519:").unwrap_or(key)).filter(|k| k.len() == 32);
    let wanted =
        wanted.with_context(|| format!("expected a key as ed25519: and 64 hexadecimal digits, found {key:?}"))?;
    let whole: Map<String, Value> = serde_json::from_str(text).context("expected a statement in JSON")?;
    let field = |name: &str| whole.get(name).with_context(|| format!("expected the member {name:?}, found none"));
    let statement = field("statement")?;
    ensure!(statement["form"] == VERSION, "expected form {VERSION}, found {}", statement["form"]);
    let signed = canonical(statement);
    let hash = hex(digest(&SHA256, signed.as_bytes()).as_ref());
    ensure!(field("sha256")? == &Value::from(hash), "the statement was changed: its hash is another");
    let signature = field("signature")?.as_str().and_then(unhex).context("expected a signature in hexadecimal")?;
    let key = UnparsedPublicKey::new(&ED25519, &wanted);
    if key.verify(signed.as_bytes(), &signature).is_err() {
        let theirs = field("key")?.as_str().unwrap_or_default().to_owned();
        bail!("it is not signed with this key; it says that its key is {theirs:.80}: ask the installation for its key");
    }
    let mut sum = [0; 7];
    for line in statement["sources"].as_array().context("expected the sources as a list")? {
        let numbers = numbers(line)?;
        sum.iter_mut().zip(numbers).for_each(|(s, n)| *s += n);
    }
    let total = numbers(&statement["total"])?;
    ensure!(sum == total, "the sources do not add up to the total: {sum:?} and {total:?}");
    let [received, released, committed, duplicates, quarantined, refused, gaps] = total;
    ensure!(
        received + released == committed + duplicates + quarantined + refused,
        "it is signed and does not add up: {total:?}"
    );
    Ok(format!(
        "sound: from {} to {}, {received} received and {released} released from quarantine = {committed} committed \
         + {duplicates} duplicates + {quarantined} quarantined + {refused} refused; {gaps} gaps",
        statement["from"], statement["to"]
    ))
}

fn numbers(line: &Value) -> anyhow::Result<[u64; 7]> {
    let names = ["received", "released", "committed", "duplicates", "quarantined", "refused", "gaps"];
    let mut numbers = [0; 7];
    for (n, name) in numbers.iter_mut().zip(names) {
        *n = line[name]
            .as_u64()
            .filter(|n| *n < 1 << 53)
            .with_context(|| format!("expected {name} as a whole number"))?;
    }
    Ok(numbers)
}

/// Reads a statement, as far as one may be long.
pub fn read(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    file.take(MAX_FILE).read_to_string(&mut text).with_context(|| format!("{} is no text", path.display()))?;
    Ok(text)
}

fn public(key: &[u8]) -> String {
    format!("ed25519:{}", hex(key))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, b| {
        // Writing into a string does not fail.
        let _ = write!(text, "{b:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let digits = digits.filter(|d| d.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|d| d[0] << 4 | d[1]).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use historian::{Batch, Config, Historian};
    use plant::ManualClock;

    use super::*;

    const T0: Timestamp = Timestamp::from_secs(1_700_000_040);

    fn house() -> (tempfile::TempDir, Historian) {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(T0));
        let historian = Historian::open(Config::new(dir.path()), clock.clone()).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for n in 0..5u64 {
            let of = |source: &str, received, committed, quarantined| LedgerDelta {
                source: source.into(),
                received,
                committed,
                quarantined,
                gaps: 1,
                ..LedgerDelta::default()
            };
            let released = LedgerDelta { source: "中".into(), duplicates: 1, released: 1, ..LedgerDelta::default() };
            let ledger = vec![of("plc", 3, 3, 0), of("中", 2, n % 2, 2 - n % 2), released];
            runtime.block_on(historian.recorder().commit(Batch { ledger, ..Batch::default() })).unwrap();
            clock.advance(Duration::from_secs(60));
        }
        (dir, historian)
    }

    #[test]
    fn a_statement_is_checked_by_whoever_has_the_key_and_every_change_shows() {
        let (dir, historian) = house();
        let signer = Signer::new(dir.path());
        let (from, to) = (T0 + Duration::from_secs(60), T0 + Duration::from_secs(240));
        let text = signer.statement(&historian.archive(), from, to, to).unwrap();
        let whole: Value = serde_json::from_str(&text).unwrap();
        let key = whole["key"].as_str().unwrap();
        assert_eq!(whole["statement"]["journal"], json!({"first": 2, "last": 4}));
        assert_eq!(whole["statement"]["total"]["received"], 15);
        assert_eq!(whole["statement"]["sources"][1]["source"], "中");
        let said = check(&text, key).unwrap();
        assert!(said.starts_with("sound: from \"2023-11-14T22:15:00Z\""), "{said}");
        assert!(
            said.contains("15 received and 3 released from quarantine = 11 committed + 3 duplicates + 4"),
            "{said}"
        );
        // White space is not signed, every digit is.
        assert!(check(&whole.to_string(), key).is_ok());
        for (from, to) in [("\"received\": 9", "\"received\": 8"), ("22:15:00", "22:14:00"), ("plc", "plx")] {
            assert!(text.contains(from));
            let why = check(&text.replace(from, to), key).unwrap_err().to_string();
            assert_eq!(why, "the statement was changed: its hash is another");
        }
        let signed = whole["signature"].as_str().unwrap();
        let forged =
            text.replace(signed, &signed.replacen(&signed[..1], if signed.starts_with('0') { "1" } else { "0" }, 1));
        assert!(check(&forged, key).unwrap_err().to_string().starts_with("it is not signed with this key"));
        let stranger = "ed25519:".to_owned() + &"0".repeat(64);
        assert!(check(&text, &stranger).unwrap_err().to_string().contains("ask the installation for its key"));
        for bad in ["", "[]", "{}", "{\"statement\":{}}"] {
            assert!(check(bad, key).is_err(), "{bad}");
        }
        assert!(check(&text, "ed25519:00").unwrap_err().to_string().contains("64 hexadecimal digits"));
    }

    #[test]
    fn the_key_is_made_once_and_only_its_owner_may_read_it() {
        let (dir, historian) = house();
        let signer = Signer::new(dir.path());
        let issue = || signer.statement(&historian.archive(), T0, T0 + Duration::from_secs(60), T0);
        let key = |text: String| serde_json::from_str::<Value>(&text).unwrap()["key"].clone();
        assert_eq!(key(issue().unwrap()), key(issue().unwrap()));
        let path = dir.path().join(KEY);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let left = fs::read_dir(dir.path())
            .unwrap()
            .filter(|f| f.as_ref().is_ok_and(|f| f.file_name().to_string_lossy().ends_with(".new")));
        assert_eq!(left.count(), 0);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(issue().unwrap_err().to_string().contains("may be read by others (mode 644)"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "nonsense").unwrap();
        assert!(issue().unwrap_err().to_string().contains("holds no Ed25519 key"));
    }
}
