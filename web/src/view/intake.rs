//! Quarantine and ledger.

use historian::{
    LedgerDelta, LedgerLine, QuarantineEntry, QuarantineGroup, QuarantineStats, QuarantineTopic, Quarantined,
};

use crate::dto;

pub(crate) fn quarantine_entry(e: &QuarantineEntry) -> dto::QuarantineEntry {
    let discarded = e.discarded.as_deref().map(Into::into);
    dto::QuarantineEntry { id: e.id, message: quarantined_message(&e.entry), complete: e.complete, discarded }
}

pub(crate) fn group(g: &QuarantineGroup) -> dto::QuarantineGroup {
    let code = g.code.as_ref().into();
    let (first, last) = (g.first.into(), g.last.into());
    dto::QuarantineGroup {
        code,
        count: g.count,
        discarded: g.discarded,
        first,
        last,
        example: quarantined_message(&g.example),
    }
}

/// One message with at most `most` bytes of its payload.
pub(crate) fn quarantine_payload(e: &QuarantineEntry, most: usize) -> dto::QuarantinePayload {
    let mut all = [&e.entry.head[..], &e.entry.rest[..]].concat();
    all.truncate(most);
    let (payload, encoding) = head(&all, e.entry.size);
    let shown = all.len() as u64;
    dto::QuarantinePayload { entry: quarantine_entry(e), payload, encoding: encoding.into(), shown }
}

pub(crate) fn quarantine_topic(t: &QuarantineTopic) -> dto::QuarantineTopic {
    let (first, last) = (t.first.into(), t.last.into());
    dto::QuarantineTopic { topic: t.topic.as_ref().into(), waiting: t.waiting, complete: t.complete, first, last }
}

pub(crate) fn quarantine_stats(s: &QuarantineStats) -> dto::QuarantineStats {
    let QuarantineStats { waiting, complete, discarded, bytes, cut, dropped } = *s;
    dto::QuarantineStats { waiting, complete, discarded, bytes, cut, dropped }
}

pub(crate) fn ledger_line(l: &LedgerLine) -> dto::LedgerLine {
    dto::LedgerLine {
        t_ms: l.t.nanos().div_euclid(1_000_000),
        width_s: l.width.as_secs(),
        source: l.counts.source.as_ref().into(),
        counts: ledger_total(&l.counts),
        released: l.counts.released,
        gaps: l.counts.gaps,
    }
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
