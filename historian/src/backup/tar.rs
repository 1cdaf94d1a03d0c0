//! One backup as one tar (POSIX ustar; GNU's binary numbers where a file has 8 GiB or more), written and read as a
//! stream: the files, and at the end the manifest that says what they must hold.

use std::io::{self, Read, Write};

use super::manifest::safe;

const BLOCK: usize = 512;
/// The name of the manifest.
pub(super) const MANIFEST: &str = "backup.json";
/// The largest number that eleven octal digits say.
const OCTAL: u64 = 0o777_7777_7777;
/// Bytes of a name.
const NAME: usize = 100;

/// A file in a tar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub path: String,
    pub mode: u32,
    pub bytes: u64,
    /// When it was written, seconds since 1970.
    pub secs: u64,
}

/// Writes what stands before a file's bytes.
pub(super) fn write_head(out: &mut dyn Write, head: &Head) -> io::Result<()> {
    let mut block = [0_u8; BLOCK];
    let name = head.path.as_bytes();
    if name.len() > NAME {
        return Err(io::Error::other(format!("the name {:?} is too long for a tar", head.path)));
    }
    block[..name.len()].copy_from_slice(name);
    octal(&mut block[100..108], u64::from(head.mode & 0o7777));
    octal(&mut block[108..116], 0);
    octal(&mut block[116..124], 0);
    number(&mut block[124..136], head.bytes);
    octal(&mut block[136..148], head.secs.min(OCTAL));
    block[156] = b'0';
    block[257..265].copy_from_slice(b"ustar\x0000");
    let sum = checksum(&block);
    octal(&mut block[148..155], sum);
    block[155] = b' ';
    out.write_all(&block)
}

/// Fills up the last block of a file of `bytes`.
pub(super) fn write_pad(out: &mut dyn Write, bytes: u64) -> io::Result<()> {
    out.write_all(&[0; BLOCK][..pad(bytes)])
}

/// Two empty blocks.
pub(super) fn write_end(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&[0; 2 * BLOCK])?;
    out.flush()
}

/// The head of the next file; `None` at the end of the tar.
pub(super) fn read_head(from: &mut dyn Read) -> Result<Option<Head>, String> {
    let mut block = [0_u8; BLOCK];
    from.read_exact(&mut block).map_err(torn)?;
    if block.iter().all(|b| *b == 0) {
        return Ok(None);
    }
    if parse(&block[148..156]) != Some(checksum(&block)) || &block[257..262] != b"ustar" {
        return Err("it is no tar, or a header in it is damaged".into());
    }
    if block[156] != b'0' {
        return Err("it holds something that is no file".into());
    }
    let name = block[..NAME].split(|b| *b == 0).next().unwrap_or_default();
    let path = std::str::from_utf8(name).ok().filter(|p| safe(p) && block[345] == 0);
    let path = path.ok_or("it holds a file whose name leads out of it")?.to_owned();
    let said = || format!("the header of {path} in it is damaged");
    let bytes = parse(&block[124..136]).ok_or_else(said)?;
    let mode = parse(&block[100..108]).ok_or_else(said)? as u32 & 0o7777;
    let secs = parse(&block[136..148]).ok_or_else(said)?;
    Ok(Some(Head { path, mode, bytes, secs }))
}

/// Reads over what fills up the last block.
pub(super) fn read_pad(from: &mut dyn Read, bytes: u64) -> Result<(), String> {
    from.read_exact(&mut [0; BLOCK][..pad(bytes)]).map_err(torn)
}

fn torn(e: io::Error) -> String {
    match e.kind() {
        io::ErrorKind::UnexpectedEof => "it ends in the middle: it is torn".into(),
        _ => format!("it cannot be read: {e}"),
    }
}

const fn pad(bytes: u64) -> usize {
    (BLOCK - (bytes % BLOCK as u64) as usize) % BLOCK
}

/// The sum of all bytes, those of the sum itself taken as blanks.
fn checksum(block: &[u8; BLOCK]) -> u64 {
    let own = 148..156;
    block.iter().enumerate().map(|(i, b)| if own.contains(&i) { 32 } else { u64::from(*b) }).sum()
}

/// Octal digits and a NUL.
fn octal(field: &mut [u8], n: u64) {
    let digits = field.len() - 1;
    for (i, b) in field[..digits].iter_mut().enumerate() {
        *b = b'0' + (n >> (3 * (digits - 1 - i)) & 7) as u8;
    }
}

/// Octal, or GNU's binary form where that does not hold it.
fn number(field: &mut [u8], n: u64) {
    if n <= OCTAL {
        return octal(field, n);
    }
    field.fill(0);
    field[0] = 0x80;
    let at = field.len() - 8;
    field[at..].copy_from_slice(&n.to_be_bytes());
}

fn parse(field: &[u8]) -> Option<u64> {
    if field[0] == 0x80 {
        let (high, low) = field[1..].split_at(field.len() - 9);
        return high.iter().all(|b| *b == 0).then(|| u64::from_be_bytes(low.try_into().unwrap_or_default()));
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    u64::from_str_radix(text, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(path: &str, bytes: u64) -> Head {
        Head { path: path.into(), mode: 0o600, bytes, secs: 1_795_000_000 }
    }

    #[test]
    fn heads_round_trip_whatever_the_size() {
        for h in [head("a", 0), head("dir/ca.key", 511), head(&"x".repeat(100), OCTAL), head("wave.db", OCTAL + 1)] {
            let mut block = Vec::new();
            write_head(&mut block, &h).unwrap();
            assert_eq!(block.len(), BLOCK);
            assert_eq!(read_head(&mut &block[..]), Ok(Some(h)));
        }
        assert!(write_head(&mut Vec::new(), &head(&"x".repeat(101), 0)).is_err());
    }

    #[test]
    fn every_flipped_bit_of_a_head_is_found() {
        let mut block = Vec::new();
        write_head(&mut block, &head("ts.db", 16_384)).unwrap();
        for (byte, bit) in (0..BLOCK).flat_map(|byte| (0..8).map(move |bit| (byte, bit))) {
            let mut torn = block.clone();
            torn[byte] ^= 1 << bit;
            // What stands after a number's digits says nothing.
            let found = read_head(&mut &torn[..]);
            assert!(found.is_err() || (148..156).contains(&byte), "byte {byte}, bit {bit}: {found:?}");
        }
    }

    #[test]
    fn names_that_lead_out_are_refused() {
        for bad in ["../x", "/etc/passwd", "a/../../b"] {
            let mut block = Vec::new();
            write_head(&mut block, &head(bad, 0)).unwrap();
            assert!(read_head(&mut &block[..]).unwrap_err().contains("leads out"), "{bad}");
        }
    }

    /// The tar that everybody has reads what is written here, and what it writes of it is the same.
    #[test]
    fn the_systems_own_tar_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut whole = Vec::new();
        for (name, text) in [("a.txt", &b"hello"[..]), ("sub/b.bin", &[7; 1_024]), ("empty", b"")] {
            write_head(&mut whole, &head(name, text.len() as u64)).unwrap();
            whole.extend_from_slice(text);
            write_pad(&mut whole, text.len() as u64).unwrap();
        }
        write_end(&mut whole).unwrap();
        let path = dir.path().join("x.tar");
        std::fs::write(&path, &whole).unwrap();
        let tar = std::process::Command::new("tar").arg("-xf").arg(&path).current_dir(dir.path()).status();
        let Ok(status) = tar else {
            eprintln!("tar is not installed: this part is left out");
            return;
        };
        assert!(status.success());
        assert_eq!(std::fs::read(dir.path().join("a.txt")).unwrap(), b"hello");
        assert_eq!(std::fs::read(dir.path().join("sub/b.bin")).unwrap(), [7; 1_024]);
        assert_eq!(std::fs::read(dir.path().join("empty")).unwrap(), b"");
    }
}
