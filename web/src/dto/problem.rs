//! What went wrong, after RFC 9457.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An error, as `application/problem+json` (RFC 9457) with fields of our own: `next`, `request_id` and `fault`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Which kind of problem: a stable relative URI, `/problems/bad_query`, `/problems/not_found`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words; the same for every problem of one kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was expected and what was found, this time.
    pub detail: String,
    /// What to do.
    pub next: String,
    /// Under which id the server's log has this request.
    pub request_id: String,
    /// What in the body it is about, where it is about one field; of what is not allowed, `right`: the right that is
    /// missing, or `area`, and the role that was found. Left out elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<FieldFault>,
}

/// What is wrong with one field of a body, for whoever shows it beside that field and in words of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldFault {
    /// The field.
    pub field: String,
    /// What is wrong: a stable code.
    pub code: String,
    /// What of the field it is about.
    pub found: String,
}
