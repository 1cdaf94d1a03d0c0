//! What one backup consists of, as JSON that carries its own checksum.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Component, Path};

use plant::Timestamp;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::Seq;
use crate::db::File;

/// Version of the form.
const FORMAT: u32 = 1;
/// Bytes of a segment; the last one of a file is shorter. Whole pages of the database, so that a page that did not
/// change stands where it stood.
pub(super) const SEGMENT: usize = 1 << 20;
/// No manifest is longer, bytes: this is enough for 3 TB.
pub(super) const LONGEST: u64 = 256 << 20;

/// A SHA-256, written as hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Hash([u8; 32]);

impl Hash {
    pub fn of(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Self(hash)
    }

    /// Which of 256 directories holds it.
    pub const fn shelf(self) -> u8 {
        self.0[0]
    }

    /// From exactly what it is written as.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Option<Vec<u8>> = text
            .bytes()
            .map(|b| match b {
                b'0'..=b'9' => Some(b - b'0'),
                b'a'..=b'f' => Some(b - b'a' + 10),
                _ => None,
            })
            .collect();
        let digits = digits.filter(|d| d.len() == 64)?;
        Some(Self(std::array::from_fn(|i| digits[2 * i] << 4 | digits[2 * i + 1])))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Hash> for String {
    fn from(h: Hash) -> Self {
        h.to_string()
    }
}

impl TryFrom<String> for Hash {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("expected 64 hexadecimal digits, lower case")
    }
}

/// One backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    format: u32,
    /// When it was taken, nanoseconds since 1970.
    pub time_ns: i64,
    /// Which store it is of; empty where that has no identity yet.
    pub store: String,
    /// The last commit in it.
    pub head: Seq,
    pub files: Vec<Entry>,
}

/// One file of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// Below the store's directory, with slashes.
    pub path: String,
    /// Permissions.
    pub mode: u32,
    pub bytes: u64,
    pub segments: Vec<Hash>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    backup: Manifest,
    /// Of the member `backup` without white space.
    sha256: Hash,
}

impl Manifest {
    pub fn new(t: Timestamp, store: String, head: Seq, files: Vec<Entry>) -> Self {
        Self { format: FORMAT, time_ns: t.nanos(), store, head, files }
    }

    pub const fn t(&self) -> Timestamp {
        Timestamp::from_nanos(self.time_ns)
    }

    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.bytes).sum()
    }

    fn checksum(&self) -> Hash {
        // Strings and numbers always serialise.
        Hash::of(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// As it is written.
    pub fn seal(self) -> Vec<u8> {
        let sha256 = self.checksum();
        serde_json::to_vec(&Sealed { backup: self, sha256 }).unwrap_or_default()
    }

    /// From what was written; says what is wrong with anything else.
    pub fn open(text: &[u8]) -> Result<Self, String> {
        let sealed: Sealed =
            serde_json::from_slice(text).map_err(|e| format!("it is torn, or no backup's manifest: {e}"))?;
        let Sealed { backup, sha256 } = sealed;
        if backup.format != FORMAT {
            let found = backup.format;
            return Err(format!("it has format {found}, this program reads {FORMAT}: use the version that wrote it"));
        }
        if backup.checksum() != sha256 {
            return Err("it does not match its own checksum: it was changed after it was written".into());
        }
        backup.check()?;
        Ok(backup)
    }

    fn check(&self) -> Result<(), String> {
        let mut paths = BTreeSet::new();
        for file in &self.files {
            if !safe(&file.path) || !paths.insert(file.path.as_str()) {
                return Err(format!("it names a file {:?}, which cannot lie in a store, or twice", file.path));
            }
            if file.segments.len() as u64 != file.bytes.div_ceil(SEGMENT as u64) {
                return Err(format!("{}: its length and its segments do not fit each other", file.path));
            }
        }
        match File::ALL.iter().find(|f| !paths.contains(f.name())) {
            Some(missing) => Err(format!("{} is missing from it", missing.name())),
            None => Ok(()),
        }
    }
}

/// Whether a path leads to a place below where it begins, and nowhere else.
pub(super) fn safe(path: &str) -> bool {
    let plain = |c: Component<'_>| matches!(c, Component::Normal(_));
    !path.is_empty()
        && path.len() < 1_024
        && !path.contains('\0')
        && Path::new(path).components().all(plain)
        && path.split('/').all(|part| !part.is_empty() && part != ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let entry = |path: &str, n: usize| Entry {
            path: path.into(),
            mode: 0o600,
            bytes: (n * SEGMENT) as u64,
            segments: vec![Hash::of(path.as_bytes()); n],
        };
        let files = vec![entry("state.db", 1), entry("ts.db", 2), entry("wave.db", 1), entry("ca.key", 0)];
        Manifest::new(Timestamp::from_secs(1_700_000_000), "00ff".into(), 7, files)
    }

    #[test]
    fn what_is_sealed_is_opened_and_every_flipped_bit_is_found() {
        let text = manifest().seal();
        assert_eq!(Manifest::open(&text), Ok(manifest()));
        for byte in 0..text.len() {
            for bit in 0..8 {
                let mut torn = text.clone();
                torn[byte] ^= 1 << bit;
                assert_ne!(Manifest::open(&torn).as_ref(), Ok(&manifest()), "byte {byte}, bit {bit}");
                assert!(Manifest::open(&torn).is_err(), "byte {byte}, bit {bit}: {}", String::from_utf8_lossy(&torn));
            }
        }
        for end in 0..text.len() {
            assert!(Manifest::open(&text[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_even_with_a_good_checksum() {
        let check = |change: fn(&mut Manifest), expect: &str| {
            let mut m = manifest();
            change(&mut m);
            let said = Manifest::open(&m.seal()).unwrap_err();
            assert!(said.contains(expect), "{said}");
        };
        check(|m| m.format = 2, "use the version that wrote it");
        check(|m| m.files[3].path = "../ca.key".into(), "cannot lie in a store");
        check(|m| m.files[3].path = "/etc/passwd".into(), "cannot lie in a store");
        check(|m| m.files[3].path = "ts.db".into(), "or twice");
        check(|m| m.files[1].bytes += 1, "do not fit");
        check(|m| drop(m.files.remove(2)), "wave.db is missing");
    }

    #[test]
    fn paths() {
        for good in ["a", "a/b", ".x", "a..b", "一号"] {
            assert!(safe(good), "{good}");
        }
        for bad in ["", "/", "/a", "a/", "a//b", "./a", "a/./b", "..", "a/../b", "a\0b"] {
            assert!(!safe(bad), "{bad:?}");
        }
    }
}
