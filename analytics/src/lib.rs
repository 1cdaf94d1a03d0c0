//! From observations to findings.
//!
//! [`rotating`] says what one record of vibration says, [`diagnosis`] what a machine's records say together; [`alarm`]
//! says how an alarm moves from state to state; [`fold`] puts them to work on the journal, as a pure function of it;
//! [`follow`] is the rim that reads the journal's tail and commits what the fold finds. [`view`] computes the spectra that
//! a page shows, [`evaluate`] judges labelled recordings of a user's own. [`watch`] learns what is usual for a machine
//! and says when it is not so any more, [`life`] when damage has begun and how long it may go on.
//!
//! What this room does *not* know: MQTT, HTTP, files (except the recordings that [`evaluate`] is pointed at), clocks
//! (time is that of the data and of the commits), and the labels of any recording. Same journal and same settings give
//! the same findings.

pub mod alarm;
pub mod diagnosis;
pub mod evaluate;
pub mod fold;
pub mod follow;
pub mod life;
mod lines;
pub mod rotating;
pub mod view;
pub mod watch;
