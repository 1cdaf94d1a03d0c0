//! Secrets that browsers and programs show: drawn at random, kept as their hash.

use historian::SecretHash;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

/// The system gives no random numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoRandom;

/// 256 random bits, hexadecimal.
pub(crate) fn draw() -> Result<String, NoRandom> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandom)?;
    Ok(hex(&bytes))
}

/// Of what was drawn. No salt and no work factor: nobody guesses 256 bits.
pub(crate) fn hash(secret: &str) -> SecretHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    hash
}

/// What a session is called where it is listed: the beginning of its hash, from which its secret cannot be had.
pub(crate) fn id(hash: &SecretHash) -> String {
    hex(&hash[..8])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
