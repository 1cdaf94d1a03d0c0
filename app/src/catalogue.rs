//! The plant's own bearings: `bearings.csv` in the data directory, beside those that come with the platform.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use plant::Catalogue;

/// The name of the file.
const FILE: &str = "bearings.csv";
/// Largest file that is read: a hundred thousand bearings.
const LARGEST: u64 = 16 << 20;

/// The bearings that come with the platform, and those of `bearings.csv` in `data`, where there is such a file.
pub fn load(data: &Path) -> anyhow::Result<Arc<Catalogue>> {
    let path = data.join(FILE);
    let built_in = Catalogue::built_in();
    match std::fs::metadata(&path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Arc::new(built_in.clone())),
        Err(e) => return Err(e).with_context(|| format!("{} cannot be read", path.display())),
        Ok(m) if m.len() > LARGEST => anyhow::bail!("{} is {} bytes long, {LARGEST} at most", path.display(), m.len()),
        Ok(_) => {}
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("{} is not UTF-8 text", path.display()))?;
    let all = built_in.with(&text).with_context(|| format!("{} is no catalogue of bearings", path.display()))?;
    tracing::info!(file = %path.display(), own = all.entries().len() - built_in.entries().len(), "bearings read");
    Ok(Arc::new(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plants_own_file_is_read_and_a_bad_one_is_refused_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(*load(dir.path()).unwrap(), *Catalogue::built_in());

        let file = dir.path().join(FILE);
        std::fs::write(&file, "designation,elements,ball_mm,pitch_mm,source\n22324,15,35.5,190,drawing 12\n").unwrap();
        let found = load(dir.path()).unwrap();
        assert_eq!(found.find("FAG 22324-E1").map(|e| &*e.source), Some("drawing 12"));

        std::fs::write(&file, "designation,elements,ball_mm,pitch_mm,source\n22324,15,35.5,,drawing 12\n").unwrap();
        let e = format!("{:#}", load(dir.path()).unwrap_err());
        assert!(e.contains("bearings.csv") && e.contains("row 2, column pitch_mm"), "{e}");

        std::fs::write(&file, [0xff, 0xfe, b'x']).unwrap();
        assert!(format!("{:#}", load(dir.path()).unwrap_err()).contains("UTF-8"));
    }
}
