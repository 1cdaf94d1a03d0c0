//! From steps of alarms to people: who is told, by which way, how often, and what became of it.
//!
//! - [`State::apply`] decides, as a pure function `(state, event, now) -> (state, actions)`: routes, rosters, quiet hours,
//!   escalation, digests, retries. [`Room`] is the loop around it: it reads the journal of alarms, stores the state and
//!   only then sends.
//! - [`channel`] gives a message its form and hands it over: e-mail, a signed webhook, the robots of WeCom, DingTalk and
//!   Feishu.
//!
//! A decision is taken exactly once, also across kill -9. A message reaches its channel **at least once**: one that was
//! under way when the process was killed is sent again, under the same key.
//!
//! What this crate does *not* know: settings as they are written, the page, how roots of trust are found (connectors are
//! handed in), the wall clock.

pub mod channel;
pub mod decide;
mod dispatch;
pub mod duty;
pub mod escape;
pub mod letter;
mod outcome;
pub mod people;
mod room;
pub mod settings;
pub mod state;
pub mod step;
mod view;
pub mod words;

pub use decide::{Action, Event, Outcome};
pub use letter::Letter;
pub use room::{Config, FOLLOWER, Room, RoomError, Wish, release};
pub use settings::Settings;
pub use state::{State, Target};
pub use step::Step;
pub use view::{ChannelView, Tested, View, ViewCell};
