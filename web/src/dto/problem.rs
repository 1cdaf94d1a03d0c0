//! What went wrong, after RFC 9457.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An error, as `application/problem+json` (RFC 9457) with two fields of our own: `next` and `request_id`.
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
}
