//! The normative statements, and how each is held.

mod v3;
mod v5;

pub use v3::V3;
pub use v5::V5;

/// One version of the standard.
pub struct Standard {
    pub title: &'static str,
    pub parts: &'static [Part],
    /// The statements that bind a client and leave a server nothing to do or to check.
    pub client_only: &'static [&'static str],
    /// The sections of its appendix B, each with the first and the last number.
    pub appendix_b: &'static [(&'static str, u8, u8)],
    /// What numbers and sentences were compared with, and what was found.
    pub compared: &'static str,
}

/// The statements of one part of a standard.
pub struct Part {
    pub title: &'static str,
    pub rows: &'static [Row],
}

/// One or several statements that the same tests hold.
pub struct Row {
    /// Their numbers, without `MQTT-`.
    pub ids: &'static [&'static str],
    /// What they ask, in short.
    pub asks: &'static str,
    pub held: Held,
}

/// How a statement is held.
#[allow(dead_code, reason = "none is broken now")]
pub enum Held {
    /// By the broker, shown by these tests (`file::test`).
    Kept(&'static [&'static str]),
    /// It binds the client; the broker looks whether it is kept, shown by these tests.
    Checked(&'static [&'static str]),
    /// By refusing what it is about, as told to the client; shown by these tests.
    ByRefusal(&'static str, &'static [&'static str]),
    /// Not, and why.
    Not(&'static str),
}

pub const fn kept(ids: &'static [&'static str], asks: &'static str, tests: &'static [&'static str]) -> Row {
    Row { ids, asks, held: Held::Kept(tests) }
}

pub const fn checked(ids: &'static [&'static str], asks: &'static str, tests: &'static [&'static str]) -> Row {
    Row { ids, asks, held: Held::Checked(tests) }
}

pub const fn by_refusal(
    ids: &'static [&'static str],
    asks: &'static str,
    how: &'static str,
    tests: &'static [&'static str],
) -> Row {
    Row { ids, asks, held: Held::ByRefusal(how, tests) }
}
