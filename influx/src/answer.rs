//! What the server's answer to a write means.

use std::time::Duration;

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The server answered.
    Http {
        /// Its status.
        status: u16,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
        /// What it says, shortened.
        message: String,
    },
    /// Nobody answered, or not to the end: a sentence.
    Failed(String),
}

/// What keeps the shipper from writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The server is away or busy; waiting helps.
    Away(String),
    /// The server refuses us, not what we say: somebody has to change something.
    Refused(String),
}

/// What to do after an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was written; so many points were older than the bucket keeps and were left out by its rule.
    Taken { expired: u64 },
    /// Something in it is refused.
    Lines { why: String, too_large: bool },
    /// We are refused.
    Refused(String),
    /// Later.
    Busy { after: Option<Duration>, why: String },
}

/// What `answer` means for what was sent.
///
/// 400, 413 and 422 are about the lines; 401, 403, 404 and every other refusal about token, organisation, bucket or
/// address; 408, 425, 429 and everything from 500 on passes. A partial write (400 or 422, "partial write: … dropped=N")
/// has written the others and is about the lines, unless what was dropped is older than the bucket keeps: that is the
/// bucket's own rule, and everything else was written.
pub(crate) fn judge_write(answer: &Answer) -> Verdict {
    let (status, after, message) = match answer {
        Answer::Failed(why) => return Verdict::Busy { after: None, why: why.clone() },
        Answer::Http { status, retry_after, message } => (*status, *retry_after, message),
    };
    let why = if message.is_empty() { format!("HTTP {status}") } else { format!("HTTP {status}: {message}") };
    match status {
        200..=299 => Verdict::Taken { expired: 0 },
        400 | 422 if message.contains("beyond retention policy") => Verdict::Taken { expired: dropped(message) },
        400 | 413 | 422 => Verdict::Lines { why, too_large: status == 413 },
        408 | 425 | 429 | 500.. => Verdict::Busy { after, why },
        _ => Verdict::Refused(why),
    }
}

/// What `answer` to any request means: `Ok` where it was answered as asked.
pub fn judge(answer: &Answer) -> Result<(), Trouble> {
    match judge_write(answer) {
        Verdict::Taken { .. } => Ok(()),
        Verdict::Lines { why, .. } | Verdict::Refused(why) => Err(Trouble::Refused(why)),
        Verdict::Busy { why, .. } => Err(Trouble::Away(why)),
    }
}

fn dropped(message: &str) -> u64 {
    let digits = message.split("dropped=").nth(1).unwrap_or_default();
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(status: u16, message: &str) -> Answer {
        Answer::Http { status, retry_after: None, message: message.into() }
    }

    #[test]
    fn what_each_status_means() {
        for status in [200, 204] {
            assert_eq!(judge_write(&http(status, "")), Verdict::Taken { expired: 0 });
        }
        for status in [400, 413, 422] {
            assert!(matches!(judge_write(&http(status, "")), Verdict::Lines { .. }), "{status}");
        }
        for status in [301, 401, 403, 404, 405, 415] {
            assert!(matches!(judge_write(&http(status, "")), Verdict::Refused(_)), "{status}");
        }
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(matches!(judge_write(&http(status, "")), Verdict::Busy { .. }), "{status}");
        }
        let partial = "failure writing points to database: partial write: field type conflict: input field \"value\" on \
                       measurement \"vibration\" is type string, already exists as type float dropped=1";
        assert!(matches!(judge_write(&http(422, partial)), Verdict::Lines { .. }));
        let old = "failure writing points to database: partial write: points beyond retention policy dropped=12";
        assert_eq!(judge_write(&http(422, old)), Verdict::Taken { expired: 12 });
    }
}
