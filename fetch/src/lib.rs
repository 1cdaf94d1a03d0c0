//! HTTP as a client: one request with an end, to an address that was judged before it was connected to.
//!
//! - Every request has a deadline, and every answer a longest body.
//! - A name is resolved, its addresses are judged by a [`Policy`], and the connection goes to an address that passed: a
//!   name that points elsewhere a moment later (DNS rebinding) changes nothing.
//! - Redirects are not followed: an answer of 3xx is an answer.
//!
//! What this crate does *not* know: what is asked for and why, settings, and how roots of trust are found (a connector is
//! handed in).
//!
//! ```
//! use fetch::Url;
//!
//! let url: Url = "https://example.com/hook?key=1".parse().unwrap();
//! assert_eq!((url.tls, &*url.host, url.port, &*url.path), (true, "example.com", 443, "/hook?key=1"));
//! ```

mod client;
mod policy;
mod retry_after;
mod url;

pub use client::{Body, Client, FetchError, Reply, Request};
pub use policy::{Network, NetworkError, Policy, Refused};
pub use retry_after::retry_after;
pub use url::{Url, UrlError};
