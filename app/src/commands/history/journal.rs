//! How far an import is: a small file beside the history, replaced whole each time.

use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::Context;
use files::history::Position;
use serde::{Deserialize, Serialize};

use crate::commands::output::Output;

/// How much of the beginning of a file tells it from others.
const HEAD: u64 = 1 << 20;

/// Which file it is and how it is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    bytes: u64,
    /// SHA-256 of the first MiB.
    head: String,
    /// SHA-256 of the options that change what is read, and of where it goes.
    options: String,
}

/// What the file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    version: u32,
    file: Identity,
    offset: u64,
    line: u64,
}

const VERSION: u32 = 1;

/// How far an import is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    identity: Identity,
    /// Everything before this place is acknowledged.
    pub position: Position,
}

fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

impl Identity {
    /// Of a file, read with these options.
    pub fn of(path: &Path, options: &str) -> io::Result<Self> {
        let file = std::fs::File::open(path)?;
        let bytes = file.metadata()?.len();
        let mut head = Vec::new();
        file.take(HEAD).read_to_end(&mut head)?;
        Ok(Self { bytes, head: sha256(&head), options: sha256(options.as_bytes()) })
    }

    /// A client id: the same for the same file, so that an import that was cut off is followed by itself.
    pub fn client(&self) -> String {
        format!("import-{}", &self.head[..12])
    }
}

impl Journal {
    /// Of an import that begins at `position`.
    pub const fn new(identity: Identity, position: Position) -> Self {
        Self { identity, position }
    }

    /// The journal at `path`, if there is one of this file. One of another is an error: a sentence with what to do.
    pub fn find(path: &Path, identity: &Identity) -> Result<Option<Self>, String> {
        let other = |why: &str| {
            format!(
                "{} is of an import that was interrupted, and {why}: give it as it was then, or delete that note to begin anew",
                path.display()
            )
        };
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(format!("{}: {e}", path.display())),
        };
        let note: Note = serde_json::from_slice(&text).map_err(|e| other(&format!("is not understood ({e})")))?;
        if note.version != VERSION {
            return Err(other("is of another version of this program"));
        }
        if (note.file.bytes, &note.file.head) != (identity.bytes, &identity.head) {
            return Err(other("the file is another by now"));
        }
        if note.file.options != identity.options {
            return Err(other("the options are others"));
        }
        let position = Position { offset: note.offset, line: note.line };
        Ok(Some(Self { identity: note.file, position }))
    }

    /// Writes it; after that, an interrupted import goes on from here.
    pub fn save(&self, path: &Path) -> anyhow::Result<()> {
        let Position { offset, line } = self.position;
        let note = Note { version: VERSION, file: self.identity.clone(), offset, line };
        let mut out = Output::create(path)?;
        out.write_all(&serde_json::to_vec(&note)?)?;
        out.finish()
    }

    /// Takes it away: there is nothing to go on with.
    pub fn remove(path: &Path) -> anyhow::Result<()> {
        match std::fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(e).with_context(|| format!("{} cannot be deleted", path.display()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_belongs_to_one_file_and_one_set_of_options() {
        let dir = tempfile::tempdir().unwrap();
        let (file, note) = (dir.path().join("h.csv"), dir.path().join("h.csv.danxia-import"));
        std::fs::write(&file, "time_ns,point,value\n").unwrap();
        let identity = Identity::of(&file, "x").unwrap();
        assert_eq!(Journal::find(&note, &identity), Ok(None));
        let journal = Journal::new(identity.clone(), Position { offset: 7, line: 3 });
        journal.save(&note).unwrap();
        assert_eq!(Journal::find(&note, &identity), Ok(Some(journal)));
        let said = Journal::find(&note, &Identity::of(&file, "y").unwrap()).unwrap_err();
        assert!(said.contains("the options are others"), "{said}");
        std::fs::write(&file, "time_ns,point,value\n1,a/b/c,1\n").unwrap();
        let said = Journal::find(&note, &Identity::of(&file, "x").unwrap()).unwrap_err();
        assert!(said.contains("the file is another"), "{said}");
        std::fs::write(&note, "{").unwrap();
        assert!(Journal::find(&note, &identity).unwrap_err().contains("not understood"));
        Journal::remove(&note).unwrap();
        Journal::remove(&note).unwrap();
        assert_eq!(Journal::find(&note, &identity), Ok(None));
    }
}
