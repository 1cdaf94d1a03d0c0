//! Passwords of devices: made, hashed, compared. At rest there is only the hash.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use ring::rand::{SecureRandom, SystemRandom};

use super::DeviceError;

/// Passwords shorter than this are not taken, in characters.
pub const SHORTEST: usize = 12;
/// Longer ones neither, in bytes: a hash is asked for by strangers.
pub const LONGEST: usize = 256;

/// 32 signs that are not mistaken for each other: somebody types this into the panel of a PLC.
const SIGNS: &[u8; 32] = b"23456789abcdefghijkmnpqrstuvwxyz";

/// 100 random bits as five groups of four signs: `k7mf-92qd-…`.
pub fn generate() -> Result<String, DeviceError> {
    let mut bytes = [0; 20];
    SystemRandom::new().fill(&mut bytes).map_err(|_| DeviceError::Random)?;
    let mut text = String::with_capacity(24);
    for (i, b) in bytes.iter().enumerate() {
        if i > 0 && i % 4 == 0 {
            text.push('-');
        }
        text.push(char::from(SIGNS[usize::from(b % 32)]));
    }
    Ok(text)
}

/// Whether a password that somebody chose is one that may be used.
pub fn check(password: &str) -> Result<(), DeviceError> {
    let n = password.chars().count();
    if n < SHORTEST {
        return Err(DeviceError::Invalid(format!("the password has {n} characters; at least {SHORTEST} are needed")));
    }
    if password.len() > LONGEST {
        let n = password.len();
        return Err(DeviceError::Invalid(format!("the password has {n} bytes; at most {LONGEST} are taken")));
    }
    Ok(())
}

/// The hash of a password as a PHC string: argon2id with the crate's default cost (19 MiB, two passes: the minimum that
/// OWASP's password storage cheat sheet recommends) and a random salt.
pub fn hash(password: &str) -> Result<String, DeviceError> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|h| h.to_string()).map_err(|e| DeviceError::Hash(e.to_string()))
}

/// Whether `hash` is that of `password`. Costs what the hash cost.
pub fn matches(password: &str, hash: &str) -> bool {
    password.len() <= LONGEST
        && PasswordHash::new(hash).is_ok_and(|h| Argon2::default().verify_password(password.as_bytes(), &h).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_argon2id_and_fits_its_password_only() {
        let h = hash("correct horse battery").unwrap();
        assert!(h.starts_with("$argon2id$"), "{h}");
        assert!(matches("correct horse battery", &h));
        assert!(!matches("correct horse", &h));
        assert!(!matches("correct horse battery", "not a hash"));
    }

    #[test]
    fn a_generated_password_is_long_legible_and_never_the_same() {
        let (a, b) = (generate().unwrap(), generate().unwrap());
        assert_ne!(a, b);
        assert_eq!(a.len(), 24);
        assert!(a.bytes().all(|c| c == b'-' || SIGNS.contains(&c)), "{a}");
        assert!(check(&a).is_ok());
    }

    #[test]
    fn too_short_and_too_long_passwords_are_refused_in_words() {
        assert!(check("short").unwrap_err().to_string().contains("at least 12"));
        assert!(check(&"x".repeat(257)).unwrap_err().to_string().contains("at most 256"));
        assert!(check("密码要有十二个字符才够长").is_ok());
    }
}
