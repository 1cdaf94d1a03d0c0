//! Mapping rules: what the messages of gateways that speak their own way mean here.
//!
//! A rule says which topics it is for, how their payload is written, which machine and points are meant, and where value
//! and time stand. Rules are data of the plant: an ordered list with a revision, of which the first that matches wins. Its
//! parts are checked when they are made, so that whoever holds a [`RuleSet`] can apply it without asking again; they are
//! patterns of bounded length that are walked once, never regular expressions.
//!
//! What this module does *not* know: how a payload is parsed. It says where to look; `collector` looks.

mod pattern;
mod rules;
mod template;

pub use pattern::{Captures, TopicPattern};
pub use rules::{
    Filter, Is, MAX_FILTERS, MAX_RULES, MAX_TEXT, MAX_VALUES, PayloadFormat, Rule, RuleSet, RuleSetError, RuleTime,
    RuleValue,
};
pub use template::{Field, Template, TemplatePart};

use crate::IdError;

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// A topic pattern that is none.
    #[error("the topic pattern {found:?} {what}")]
    Pattern {
        /// As given.
        found: String,
        /// What is wrong with it and what to do.
        what: &'static str,
    },
    /// A template that is none.
    #[error("the template {found:?} {what}")]
    Template {
        /// As given.
        found: String,
        /// What is wrong with it and what to do.
        what: &'static str,
    },
    /// A place in the payload that is none.
    #[error("the field {found:?} {what}")]
    Field {
        /// As given.
        found: String,
        /// What is wrong with it and what to do.
        what: &'static str,
    },
    /// A template speaks of a capture that the topic pattern does not make.
    #[error("{{{name}}} is used, and the topic pattern captures nothing of that name: capture it, or correct the name")]
    NoCapture {
        /// The name.
        name: String,
    },
    /// A field does not suit the payload's format.
    #[error("the field {field} does not suit the format {format}: {what}")]
    Unsuited {
        /// The field.
        field: String,
        /// The format's name.
        format: &'static str,
        /// What suits it.
        what: &'static str,
    },
    /// A rule without values, or with too many parts.
    #[error("the rule has {found} {what}; expected {expected}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many.
        found: usize,
        /// How many there may be.
        expected: &'static str,
    },
    /// A scale or offset that gives no values.
    #[error("scale {scale} and offset {offset} give no values; expected finite numbers and a scale other than 0")]
    Scale {
        /// As given.
        scale: f64,
        /// As given.
        offset: f64,
    },
    /// A separator that a number could hold.
    #[error("{0:?} cannot separate columns; expected a comma, semicolon, tab, space or '|'")]
    Separator(char),
    /// An offset from UTC that no place has.
    #[error("{0} minutes are no offset from UTC; expected −840 to 840")]
    Zone(i32),
    /// A unit that the table does not have.
    #[error("{0:?} is not a unit of the table; correct it or leave it out")]
    Unit(String),
    /// A name that cannot be one.
    #[error(transparent)]
    Name(#[from] IdError),
}
