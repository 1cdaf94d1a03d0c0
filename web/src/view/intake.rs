//! Quarantine and ledger.

use historian::{LedgerDelta, QuarantineEntry, QuarantineGroup, Quarantined};

use crate::dto;

pub(crate) fn quarantine_entry(e: &QuarantineEntry) -> dto::QuarantineEntry {
    dto::QuarantineEntry { id: e.id, message: quarantined_message(&e.entry) }
}

pub(crate) fn group(g: &QuarantineGroup) -> dto::QuarantineGroup {
    let code = g.code.as_ref().into();
    dto::QuarantineGroup { code, count: g.count, last: g.last.into(), example: quarantined_message(&g.example) }
}

/// A message in quarantine, as the API tells of it.
pub fn quarantined_message(q: &Quarantined) -> dto::QuarantinedMessage {
    let (head, head_encoding) = head(&q.head, q.size);
    dto::QuarantinedMessage {
        t: q.t.into(),
        source: q.source.as_ref().into(),
        topic: q.topic.as_ref().into(),
        size: q.size,
        head,
        head_encoding: head_encoding.into(),
        code: q.code.as_ref().into(),
        reason: q.reason.as_ref().into(),
    }
}

/// Text where it is text (but for a last character that was cut in two), else hexadecimal.
fn head(bytes: &[u8], size: u64) -> (String, &'static str) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), "utf-8"),
        Err(e) if e.error_len().is_none() && size > bytes.len() as u64 => {
            (String::from_utf8_lossy(&bytes[..e.valid_up_to()]).into_owned(), "utf-8")
        }
        Err(_) => (bytes.iter().map(|b| format!("{b:02x}")).collect(), "hex"),
    }
}

pub(crate) fn ledger_total(l: &LedgerDelta) -> dto::LedgerTotal {
    dto::LedgerTotal {
        received: l.received,
        committed: l.committed,
        duplicates: l.duplicates,
        quarantined: l.quarantined,
        refused: l.refused,
    }
}

pub(crate) fn ledger_source(l: &LedgerDelta) -> dto::LedgerSource {
    dto::LedgerSource { source: l.source.as_ref().into(), total: ledger_total(l) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_shown_as_text_where_they_are_text() {
        let check = |bytes: &[u8], size, expect: (&str, &str)| {
            let (text, encoding) = head(bytes, size);
            assert_eq!((text.as_str(), encoding), expect);
        };
        check(b"{\"a\"", 4, ("{\"a\"", "utf-8"));
        check("中".as_bytes(), 3, ("中", "utf-8"));
        check(&"a中".as_bytes()[..3], 4, ("a", "utf-8"));
        check(&"a中".as_bytes()[..3], 3, ("61e4b8", "hex"));
        check(&[0xff, 0x00], 2, ("ff00", "hex"));
    }
}
