//! A file that is there when it is whole, and not before.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Written under another name beside it; [`Output::finish`] gives it its own. Dropped before that, it is taken away.
pub struct Output {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
    done: bool,
}

impl Output {
    /// Begins the file.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        let name = path.file_name().with_context(|| format!("{} is no name of a file", path.display()))?;
        let temporary = path.with_file_name(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
        let file = File::create(&temporary).with_context(|| format!("{} cannot be written", temporary.display()))?;
        Ok(Self { file, temporary, path: path.to_owned(), done: false })
    }

    /// Waits until it is on disk, then gives it its name.
    pub fn finish(mut self) -> anyhow::Result<()> {
        self.file.sync_all().with_context(|| format!("{} cannot be written", self.temporary.display()))?;
        std::fs::rename(&self.temporary, &self.path)
            .with_context(|| format!("{} cannot be written", self.path.display()))?;
        self.done = true;
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.done {
            // What cannot be taken away is only in the way of nobody.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stands_under_the_name_before_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.csv");
        let count = || std::fs::read_dir(dir.path()).unwrap().count();
        let mut output = Output::create(&path).unwrap();
        output.write_all(b"half").unwrap();
        assert!(!path.exists());
        drop(output);
        assert_eq!(count(), 0);
        let mut output = Output::create(&path).unwrap();
        output.write_all(b"whole").unwrap();
        output.finish().unwrap();
        assert_eq!((std::fs::read(&path).unwrap(), count()), (b"whole".to_vec(), 1));
        assert!(Output::create(&dir.path().join("none/x.csv")).is_err());
    }
}
