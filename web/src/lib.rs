//! The web door: the HTTP API, the live stream and the page, on one address.
//!
//! [`serve`] takes a listener, what other rooms know ([`Services`]), and a future that calls for the end. History is
//! answered as JSON from the historian's faces; what is live is followed on the historian's tail by one task and heard by
//! every browser over server-sent events. Everything shown has been committed before.
//!
//! What this crate does *not* know: MQTT, topics and payloads (the page's list of clients comes through [`Door`]), how a
//! spectrum or an alarm is computed ([`Analyst`], and the findings in the store), how a password is hashed
//! ([`Passwords`]), the wall clock (a `plant::Clock` is handed in). It writes nothing but what people do, as [`plant::Action`]s, and who they are ([`Accounts`]); what follows from it
//! is for analytics to say.
//!
//! Everything is bounded: connections, streams, reads of the store at once, the size of requests, lists and labels, and
//! the patience with clients that say or take nothing.

mod access;
mod act;
mod api;
mod channel;
mod config;
pub mod dto;
mod guard;
mod handshake;
mod hub;
mod live;
mod meter;
mod page;
mod problem;
mod pulse;
mod query;
mod question;
mod reads;
mod recall;
mod respond;
mod router;
mod seams;
mod server;
mod stall;
mod state;
mod study;
mod turns;
mod view;

pub use access::{AccessError, Accounts, Added, By, NewAccount, Passwords, UserChange};
pub use api::{NOT_SIGNED_IN, RouteNeed, openapi, routes};
pub use config::{Config, ConfigError};
pub use question::{Analyst, Question, Reference};
pub use seams::{
    About, Declined, Door, Keeping, Mapper, Metric, MetricKind, Metrics, Notifier, Part, Past, Readiness, Recalled,
    Registrar, RegistrarError, Services, Shipping, SignIn, SignInBegun, SignInDone, SignInFault, SignInReturn, Waiting,
};
pub use server::{Acceptor, Doorway, ServeError, serve};
pub use study::{AlarmStudy, Proposal, Unstudied};
pub use view::{alarm_name, quarantined_message};
