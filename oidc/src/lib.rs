//! OpenID Connect, seen from who asks (a "relying party"): where a browser is sent to log in, and what may be believed of what
//! it comes back with.
//!
//! One way through it: the authorization code flow with PKCE ([`Provider::begin`], [`Provider::finish`]), as OpenID Connect Core
//! 1.0, RFC 6749, RFC 7636 and RFC 9207 tell it and RFC 9700 narrows it down. An ID token is believed when its signature is of
//! a key that the issuer publishes, by an algorithm of a fixed list without `none` and without shared secrets, and when
//! issuer, audience, authorized party, times and nonce are those that were expected ([`token::verify`], pure).
//!
//! What this crate does *not* know: accounts, roles, cookies, settings as they are written, where roots of trust lie, the wall
//! clock (a `plant::Clock` is handed in). It keeps nothing but what the provider publishes about itself.

mod keys;
mod provider;
mod secret;
#[cfg(test)]
mod signer;
pub mod token;

pub use keys::{Key, Keys};
pub use provider::{About, Begun, Config, Fault, Provider, Signed};
pub use secret::Secret;
