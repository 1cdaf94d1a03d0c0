//! What machines, people and servers say, made harmless for where it is put.

/// One line of at most `most` characters: line breaks and other control characters become spaces, and characters that turn
/// the direction of writing are left out.
#[must_use]
pub fn one_line(text: &str, most: usize) -> String {
    let clean = |c: char| match c {
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => None,
        '\u{2028}' | '\u{2029}' => Some(' '),
        c if c.is_control() => Some(' '),
        c => Some(c),
    };
    let mut out: String = text.chars().filter_map(clean).take(most + 1).collect();
    if let Some((at, _)) = out.char_indices().nth(most) {
        out.truncate(at);
        out.push('…');
    }
    out.trim().to_owned()
}

/// For HTML, in text and in quoted attributes.
#[must_use]
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// For the Markdown dialects of chat robots. They agree neither on what can be escaped with a backslash nor on HTML, so
/// that whatever could begin markup, a link or a mention is replaced by the full-width character that looks alike.
#[must_use]
pub fn markdown(text: &str) -> String {
    let wide = |c: char| match c {
        '*' => '＊',
        '_' => '＿',
        '`' => '｀',
        '#' => '＃',
        '[' => '［',
        ']' => '］',
        '(' => '（',
        ')' => '）',
        '<' => '＜',
        '>' => '＞',
        '!' => '！',
        '@' => '＠',
        '~' => '～',
        '|' => '｜',
        '\\' => '＼',
        '&' => '＆',
        '{' => '｛',
        '}' => '｝',
        c => c,
    };
    // An address would be made a link of by itself.
    one_line(text, usize::MAX - 1).chars().map(wide).collect::<String>().replace("://", "：//")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_machine_is_called_breaks_out() {
        assert_eq!(one_line("a\r\nBcc: x@y\0\u{202e}z", 100), "a  Bcc: x@y z");
        assert_eq!(one_line("abcdef", 3), "abc…");
        assert_eq!(one_line("  ", 3), "");
        assert_eq!(html("<b onclick='x'>\"&"), "&lt;b onclick=&#39;x&#39;&gt;&quot;&amp;");
        let said = markdown("[x](http://e.example) @all **b** <at id=all></at>\n# h");
        for bad in ["[", "](", "://", "@", "*", "<", "\n", "#"] {
            assert!(!said.contains(bad), "{bad:?} in {said}");
        }
        assert_eq!(markdown("3号风机 µm/s²"), "3号风机 µm/s²");
    }
}
