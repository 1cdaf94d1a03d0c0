//! Does the provider of log-ins answer, and does it fit?

use std::sync::Arc;

use oidc::Provider;

use crate::clock::SystemClock;
use crate::config::Oidc;

/// Reads what it publishes about itself. Nobody is logged in.
pub(super) async fn check(settings: &Oidc) -> Result<String, String> {
    let provider = Provider::new(settings.provider.clone(), Arc::new(SystemClock));
    let issuer = &settings.provider.issuer;
    let about =
        provider.look().await.map_err(|e| format!("{issuer}: {e}; people with a password log in all the same"))?;
    if let Some(scope) = about.unknown_scopes.first() {
        return Err(format!("{issuer} does not list the scope {scope:?}: correct http.oidc.scopes"));
    }
    // RFC 7636: a provider that knows no PKCE ignores it, and the code is bound by the secret alone.
    if !about.pkce && settings.provider.secret.is_none() {
        return Err(format!("{issuer} does not say that it knows PKCE with S256: give this client a secret there"));
    }
    let keys = about.keys;
    Ok(format!("{issuer} answers, with {keys} keys; it has to send people back to {}", settings.provider.redirect))
}
