//! Who may connect: names and argon2id hashes in the register.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use broker::{Authenticator, BoxFuture, Credentials, Denied, Identity, Login, Rights};
use historian::Register;
use tokio::sync::Semaphore;

/// Passwords shorter than this are not taken.
pub const MIN_PASSWORD: usize = 12;

/// The hash of a password as a PHC string: argon2id with the crate's default cost (19 MiB, two passes: the minimum that
/// OWASP's password storage cheat sheet recommends) and a random salt.
pub fn hash(password: &str) -> anyhow::Result<String> {
    Ok(Argon2::default().hash_password(password.as_bytes()).map_err(|e| anyhow::anyhow!("hashing: {e}"))?.to_string())
}

fn matches(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|h| Argon2::default().verify_password(password.as_bytes(), &h).is_ok())
}

/// Asks the register. Each check costs 19 MiB and a few ten milliseconds, so only two run at once: a storm of
/// connections waits at the door instead of taking the memory of the house.
pub struct Users {
    register: Register,
    permits: Arc<Semaphore>,
    /// Verified against when there is no such user, so that the time to an answer does not tell names apart.
    nobody: Arc<str>,
}

impl Users {
    /// Over the users of `register`.
    pub fn new(register: Register) -> anyhow::Result<Self> {
        Ok(Self { register, permits: Arc::new(Semaphore::new(2)), nobody: hash("nobody's password")?.into() })
    }
}

impl Authenticator for Users {
    fn verify(&self, login: Login) -> BoxFuture<'static, Result<Identity, Denied>> {
        let (register, permits, nobody) = (self.register.clone(), self.permits.clone(), self.nobody.clone());
        Box::pin(async move {
            let _permit = permits.acquire_owned().await.map_err(|_| Denied::Unavailable)?;
            let Credentials::Password { user, password } = login.credentials else { return Err(Denied::Credentials) };
            let checked = tokio::task::spawn_blocking(move || {
                let known = register.user(&user).map_err(|e| {
                    tracing::error!("users cannot be read: {e}");
                    Denied::Unavailable
                })?;
                let hash = known.as_ref().map_or(&*nobody, |u| &u.hash);
                let right = matches(&password, hash);
                let identity = || Identity { name: user.into(), rights: Arc::new(Rights::everything()) };
                if right && known.is_some() { Ok(identity()) } else { Err(Denied::Credentials) }
            });
            checked.await.unwrap_or(Err(Denied::Unavailable))
        })
    }
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
}
