//! The provider of log-ins, as the page knows it: what it says of somebody becomes a name and a role.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use oidc::{Fault, Provider, Secret, token};
use plant::Clock;
use web::{SignIn, SignInBegun, SignInDone, SignInFault, SignInReturn};

use crate::config::Oidc;

/// Asks the provider.
pub struct Door {
    settings: Oidc,
    provider: Provider,
}

/// By the settings; without them people log in here only.
pub fn open(settings: Option<&Oidc>, clock: Arc<dyn Clock>) -> Option<Arc<dyn SignIn>> {
    let settings = settings?.clone();
    Some(Arc::new(Door { provider: Provider::new(settings.provider.clone(), clock), settings }))
}

/// The page says what to do, the log what it was.
fn told(fault: &Fault) -> SignInFault {
    tracing::warn!("a log-in at the provider failed: {fault}");
    match fault {
        Fault::Away(_) => SignInFault::Away,
        Fault::Refused(_) => SignInFault::Refused,
        Fault::Wrong(_) | Fault::Token(_) | Fault::NoRandom => SignInFault::Unbelieved,
    }
}

impl SignIn for Door {
    fn title(&self) -> String {
        self.settings.title.clone()
    }

    fn home(&self) -> String {
        self.settings.home.clone()
    }

    fn lasts(&self) -> Duration {
        self.settings.lasts
    }

    fn begin(&self) -> BoxFuture<'_, Result<SignInBegun, SignInFault>> {
        Box::pin(async {
            let begun = self.provider.begin().await.map_err(|e| told(&e))?;
            let [state, nonce, verifier] = [begun.state, begun.nonce, begun.verifier].map(|s| s.expose().to_owned());
            Ok(SignInBegun { url: begun.url, state, nonce, verifier })
        })
    }

    fn finish(&self, back: SignInReturn) -> BoxFuture<'_, Result<SignInDone, SignInFault>> {
        Box::pin(async move {
            let [nonce, verifier] = [back.nonce, back.verifier].map(|s| Secret::new(&s));
            let signed = self.provider.finish(&back.code, back.issuer.as_deref(), &nonce, &verifier).await;
            let signed = signed.map_err(|e| told(&e))?;
            let name = token::said(&signed.claims, &self.settings.name_claim).into_iter().next();
            let values = token::said(&signed.claims, &self.settings.role_claim);
            let grant = self.settings.granted(&values);
            if grant.is_none() {
                // For whoever writes the mapping: these are names of groups, not of secrets.
                let claim = &self.settings.role_claim;
                tracing::info!(subject = signed.subject, claim, ?values, "no [[http.oidc.grant]] fits who logged in");
            }
            Ok(SignInDone { issuer: signed.issuer, subject: signed.subject, name, grant })
        })
    }
}
