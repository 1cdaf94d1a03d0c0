//! Topics and filters: what is one, and which filter matches which topic (MQTT 5, section 4.7).

use crate::refusal::Refusal;

/// Bounds of topics and filters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub bytes: usize,
    pub levels: usize,
}

/// The topic a client published to, if it is one.
pub(crate) fn parse(bytes: &[u8], limits: Limits) -> Result<&str, Refusal> {
    let topic = std::str::from_utf8(bytes).map_err(|_| Refusal::TopicInvalid)?;
    if topic.is_empty() || topic.bytes().any(|b| matches!(b, b'+' | b'#' | 0)) {
        return Err(Refusal::TopicInvalid);
    }
    if topic.starts_with('$') {
        return Err(Refusal::TopicReserved);
    }
    if topic.len() > limits.bytes {
        return Err(Refusal::TopicTooLong);
    }
    if topic.bytes().filter(|b| *b == b'/').count() >= limits.levels {
        return Err(Refusal::TopicTooDeep);
    }
    Ok(topic)
}

/// The share name of a filter that has one, `$share/{name}/{filter}`, and what it filters by (MQTT 5, section 4.8.2).
pub(crate) fn shared(filter: &str) -> (Option<&str>, &str) {
    let rest = filter.strip_prefix("$share/").and_then(|rest| rest.split_once('/'));
    rest.map_or((None, filter), |(name, rest)| (Some(name), rest))
}

/// Whether `filter` may be subscribed to. A `#` level of its own is not counted.
pub(crate) fn check_filter(filter: &str, limits: Limits) -> Result<(), Refusal> {
    let (share, rest) = shared(filter);
    let unfinished = share.is_none() && (filter == "$share" || filter.starts_with("$share/"));
    if unfinished || share.is_some_and(|name| name.is_empty() || name.len() > limits.bytes || name.contains(['+', '#']))
    {
        return Err(Refusal::FilterInvalid);
    }
    let filter = rest;
    let deep = filter.strip_suffix("/#").unwrap_or(filter).bytes().filter(|b| *b == b'/').count() >= limits.levels;
    if filter.len() > limits.bytes || deep || !is_filter(filter) {
        return Err(Refusal::FilterInvalid);
    }
    Ok(())
}

/// Whether this is a filter at all.
pub(crate) fn is_filter(filter: &str) -> bool {
    let mut levels = filter.split('/').peekable();
    let mut whole = !filter.is_empty() && !filter.contains('\0');
    while let Some(level) = levels.next() {
        let multi = level == "#" && levels.peek().is_none();
        whole &= multi || level == "+" || !level.contains(['+', '#']);
    }
    whole
}

/// The filter inside a shared subscription (`$share/{group}/{filter}`); any other filter as it is.
pub(crate) fn unshared(filter: &str) -> &str {
    shared(filter).1
}

/// Whether a (valid) filter matches a (valid) topic. A wildcard in the first level does not match `$…`.
pub(crate) fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        if wanted == "#" {
            return true;
        }
        match levels.next() {
            Some(level) if wanted == "+" || wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { bytes: 512, levels: 16 };

    #[test]
    fn a_topic_is_checked_before_it_is_taken() {
        let check = |bytes: &[u8], expect: Result<(), Refusal>| {
            assert_eq!(parse(bytes, LIMITS).map(|_| ()), expect, "{bytes:?}");
        };
        check(b"a/b", Ok(()));
        check("轧钢/一号机".as_bytes(), Ok(()));
        check(b"/", Ok(()));
        check(b"a/$b", Ok(()));
        check(&[b'a'; 512], Ok(()));
        check(b"1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", Ok(()));
        check(b"", Err(Refusal::TopicInvalid));
        check(b"a/+", Err(Refusal::TopicInvalid));
        check(b"a#", Err(Refusal::TopicInvalid));
        check(b"a\0b", Err(Refusal::TopicInvalid));
        check(&[0xff, 0xfe], Err(Refusal::TopicInvalid));
        check(&[0xed, 0xa0, 0x80], Err(Refusal::TopicInvalid));
        check(b"$SYS/x", Err(Refusal::TopicReserved));
        check(&[b'a'; 513], Err(Refusal::TopicTooLong));
        check(b"1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", Err(Refusal::TopicTooDeep));
    }

    #[test]
    fn a_filter_is_checked_before_it_is_taken() {
        let check =
            |filter: &str, expect: Result<(), Refusal>| assert_eq!(check_filter(filter, LIMITS), expect, "{filter}");
        for good in
            ["#", "+", "a/#", "a/+/b", "+/+", "/", "$SYS/#", "轧钢/+", "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/#"]
        {
            check(good, Ok(()));
        }
        for bad in ["", "a#", "a/#/b", "a+/b", "a/b+", "##", "a\0", "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"] {
            check(bad, Err(Refusal::FilterInvalid));
        }
        for good in ["$share/g/a", "$share/轧钢/+/#", "$share/g//", "$share/g/$SYS/#", "$shared/a"] {
            check(good, Ok(()));
        }
        for bad in
            ["$share", "$share/", "$share/g", "$share//a", "$share/g/", "$share/+/a", "$share/g#/a", "$share/g/a#"]
        {
            check(bad, Err(Refusal::FilterInvalid));
        }
    }

    #[test]
    fn filters_match_as_the_standard_says() {
        let check =
            |filter: &str, topic: &str, expect: bool| assert_eq!(matches(filter, topic), expect, "{filter} {topic}");
        check("sport/tennis/player1/#", "sport/tennis/player1", true);
        check("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true);
        check("sport/#", "sport", true);
        check("#", "轧钢/一号机", true);
        check("+/一号机", "轧钢/一号机", true);
        check("sport/tennis/+", "sport/tennis/player1/ranking", false);
        check("sport/+", "sport", false);
        check("sport/+", "sport/", true);
        check("+/+", "/finance", true);
        check("/+", "/finance", true);
        check("+", "/finance", false);
        check("#", "$SYS/a", false);
        check("+/a", "$SYS/a", false);
        check("$SYS/#", "$SYS/a", true);
        check("a/b", "a/c", false);
    }
}
