//! What people read, in both languages. Conditions, priorities and what to do are worded as on the page: its catalogues
//! are the only ones.

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// What somebody reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// 简体中文.
    ZhCn,
}

impl Language {
    /// Both.
    pub const ALL: [Self; 2] = [Self::En, Self::ZhCn];

    /// The tag (BCP 47).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhCn => "zh-CN",
        }
    }

    /// From the tag.
    #[must_use]
    pub fn parse(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|l| l.as_str() == tag)
    }
}

/// A word of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Machine,
    Area,
    Point,
    Value,
    Limit,
    Since,
    Ended,
    Action,
    Open,
    OpenAll,
    For,
    Escalated,
    Returned,
    Digest,
    More,
    Test,
    TestMeans,
    Why,
}

/// In English and Chinese. `{n}` is a number.
const fn row(word: Word) -> [&'static str; 2] {
    match word {
        Word::Machine => ["Machine", "设备"],
        Word::Area => ["Area", "区域"],
        Word::Point => ["Point", "测点"],
        Word::Value => ["Value", "数值"],
        Word::Limit => ["Limit", "限值"],
        Word::Since => ["Since", "发生"],
        Word::Ended => ["Ended", "恢复"],
        Word::Action => ["What to do", "处理"],
        Word::Open => ["Open the alarm", "查看报警"],
        Word::OpenAll => ["Open the alarms", "查看全部报警"],
        Word::For => ["For", "通知"],
        Word::Escalated => ["Nobody has acknowledged (level {n})", "尚无人确认（第 {n} 级）"],
        Word::Returned => ["Over", "已恢复"],
        Word::Digest => ["{n} alarms", "{n} 条报警"],
        Word::More => ["and {n} more", "另有 {n} 条"],
        Word::Test => ["Test message", "测试消息"],
        Word::TestMeans => {
            ["This is a test: alarms that are routed here will arrive.", "这是一条测试消息：发往此处的报警能够送达。"]
        }
        Word::Why => {
            ["You get this because of a route in the settings of Danxia.", "您收到此消息，是因为 Danxia 的通知设置。"]
        }
    }
}

/// The word in a language.
pub(crate) const fn word(language: Language, word: Word) -> &'static str {
    let [en, zh] = row(word);
    match language {
        Language::En => en,
        Language::ZhCn => zh,
    }
}

/// The word with its number.
pub(crate) fn counted(language: Language, what: Word, n: impl std::fmt::Display) -> String {
    word(language, what).replace("{n}", &n.to_string())
}

type Catalogue = BTreeMap<String, String>;

fn catalogue(language: Language) -> &'static Catalogue {
    static BOTH: OnceLock<[Catalogue; 2]> = OnceLock::new();
    let [en, zh] = BOTH.get_or_init(|| {
        let read = |text| serde_json::from_str(text).unwrap_or_default();
        [read(include_str!("../../web/ui/src/i18n/en.json")), read(include_str!("../../web/ui/src/i18n/zh-CN.json"))]
    });
    match language {
        Language::En => en,
        Language::ZhCn => zh,
    }
}

/// A text of the page; the key itself where it has none.
fn text(language: Language, key: &str) -> &str {
    catalogue(language).get(key).map_or(key, String::as_str)
}

/// "Priority 1: act now".
pub(crate) fn priority(language: Language, number: u8) -> &'static str {
    match number {
        1 => text(language, "priority.1"),
        2 => text(language, "priority.2"),
        3 => text(language, "priority.3"),
        _ => text(language, "priority.4"),
    }
}

/// The shape of a priority, as on the page: octagon, triangle, diamond, circle.
pub(crate) const fn shape(number: u8) -> &'static str {
    match number {
        1 => "🛑",
        2 => "▲",
        3 => "◆",
        _ => "●",
    }
}

/// What a condition means, by its code.
pub(crate) fn condition(language: Language, code: &str) -> String {
    if let Some(rest) = code.strip_prefix("bearing.")
        && let Some((bearing, fault)) = rest.rsplit_once('.')
    {
        let fault = text(language, &format!("fault.{fault}")).to_owned();
        return text(language, "message.bearing").replace("{bearing}", bearing).replace("{fault}", &fault);
    }
    let key = if code.starts_with("system.") { code.to_owned() } else { format!("message.{code}") };
    text(language, &key).to_owned()
}

/// What to do about a condition, by its code; empty where nothing is written down.
pub(crate) fn action(language: Language, code: &str) -> String {
    let key = match code.split_once('.') {
        Some(("system", name)) => format!("system_action.{name}"),
        Some((family, _)) => format!("action.{family}"),
        None => format!("action.{code}"),
    };
    catalogue(language).get(&key).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_has_its_words_in_both_languages() {
        let plain = [
            "high_high",
            "high",
            "low",
            "low_low",
            "rate",
            "deviation",
            "discrete",
            "zone_c",
            "zone_d",
            "change",
            "sensor",
            "stale",
            "offline",
        ];
        let system = plant::Condition::NAMES.iter().map(|n| format!("system.{n}"));
        let codes = plain.iter().map(ToString::to_string).chain(system).chain(["bearing.DE.outer_race".to_owned()]);
        for code in codes {
            for language in Language::ALL {
                let said = condition(language, &code);
                assert!(
                    !said.is_empty() && !said.contains("message.") && !said.contains("system.") && !said.contains('{'),
                    "{code}: {said}"
                );
                assert!(!action(language, &code).is_empty(), "{code}");
            }
        }
        assert_eq!(condition(Language::En, "bearing.DE.outer_race"), "Bearing DE: outer race damage");
        assert_eq!(condition(Language::ZhCn, "high"), "超过高限");
        for n in 1..=4 {
            assert!(priority(Language::En, n).contains(&n.to_string()));
        }
    }
}
