//! The query of a request: decoded strictly, so that a misspelt parameter is an error and not a wrong answer.

use std::str::FromStr;

use percent_encoding::percent_decode_str;
use plant::{Name, PointId, SeriesKey, Timestamp};

use crate::dto::Time;
use crate::problem::{Kind, Problem, shorten};

/// Longest query in bytes, and most parameters in one.
const MAX_BYTES: usize = 8 << 10;
const MAX_PARAMETERS: usize = 16;

/// The parameters of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes `raw` (what stands after `?`).
    pub(crate) fn parse(raw: &str) -> Result<Self, Problem> {
        let refuse = |detail: String| {
            Err(Problem::new(Kind::BadQuery, detail, "write name=value, percent-encoded, each name once, joined by &"))
        };
        if raw.len() > MAX_BYTES {
            return refuse(format!("the query is {} bytes long; expected at most {MAX_BYTES}", raw.len()));
        }
        let mut pairs: Vec<(String, String)> = Vec::new();
        for part in raw.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (Some(name), Some(value)) = (decode(name, true), decode(value, true)) else {
                return refuse(format!("{:?} is not percent-encoded UTF-8", shorten(part)));
            };
            if pairs.iter().any(|(n, _)| *n == name) {
                return refuse(format!("the parameter {:?} stands twice; expected once", shorten(&name)));
            }
            if pairs.len() == MAX_PARAMETERS {
                return refuse(format!("there are more than {MAX_PARAMETERS} parameters"));
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    /// Refuses every parameter that is not in `known`.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Problem> {
        let Some((name, _)) = self.0.iter().find(|(n, _)| !known.contains(&n.as_str())) else { return Ok(()) };
        let expected = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let detail = format!("found the parameter {:?}; this path takes: {expected}", shorten(name));
        Err(Problem::new(Kind::BadQuery, detail, "leave the parameter out, or correct its name"))
    }

    /// The value of `name`; an empty one counts as absent.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }

    /// The value of `name` as a `T`, which `expected` describes.
    pub(crate) fn get<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, Problem> {
        self.text(name).map(|v| v.parse().map_err(|_| Problem::query(name, expected, v))).transpose()
    }

    /// One of the names of `choices`, the first of them where nothing is said.
    pub(crate) fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<Option<T>, Problem> {
        let Some(found) = self.text(name) else { return Ok(None) };
        match choices.iter().find(|(n, _)| *n == found) {
            Some((_, v)) => Ok(Some(*v)),
            None => {
                let names: Vec<_> = choices.iter().map(|(n, _)| *n).collect();
                Err(Problem::query(name, &format!("one of {}", names.join(", ")), found))
            }
        }
    }

    /// A number of things: from 1 to `max`, else `default`.
    pub(crate) fn count(&self, name: &str, default: usize, max: usize) -> Result<usize, Problem> {
        let expected = format!("a whole number from 1 to {max}");
        match self.get::<usize>(name, &expected)? {
            None => Ok(default),
            Some(n) if (1..=max).contains(&n) => Ok(n),
            Some(n) => Err(Problem::query(name, &expected, &n.to_string())),
        }
    }

    /// A number over 0 and up to `max`. What is a number and lies elsewhere (or is none, or has no end) is out of range.
    pub(crate) fn positive(&self, name: &str, max: f64, of: &str) -> Result<Option<f64>, Problem> {
        let expected = format!("a number over 0 and up to {max} ({of})");
        match self.get::<f64>(name, &expected)? {
            Some(v) if !(v > 0.0 && v <= max) => {
                Err(Problem::out_of_range(name, &expected, self.text(name).unwrap_or_default()))
            }
            found => Ok(found),
        }
    }

    /// An instant: RFC 3339, or whole milliseconds since 1970.
    pub(crate) fn instant(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        const EXPECTED: &str = "RFC 3339 such as 2026-11-23T08:51:00Z, or whole milliseconds since 1970";
        let Some(v) = self.text(name) else { return Ok(None) };
        if let Ok(Time(t)) = v.parse::<Time>() {
            return Ok(Some(t));
        }
        v.parse().map(|ms| Some(Timestamp::from_millis(ms))).map_err(|_| Problem::query(name, EXPECTED, v))
    }

    /// The half-open span `from..to`; where one is not said, `span` before `to`, and `now` as its end.
    pub(crate) fn span(&self, now: Timestamp, span: std::time::Duration) -> Result<(Timestamp, Timestamp), Problem> {
        // A value that bears this very instant belongs to "until now".
        let to = self.instant("to")?.unwrap_or(now + std::time::Duration::from_nanos(1));
        let from = self.instant("from")?.unwrap_or(to - span);
        if from >= to {
            let found = self.text("from").unwrap_or_default();
            return Err(Problem::query("from", "an instant before \"to\" (which is now where it is not said)", found));
        }
        Ok((from, to))
    }

    /// The point that `point=` names, which must be there.
    pub(crate) fn point(&self) -> Result<PointId, Problem> {
        const EXPECTED: &str = "a point's id, SITE/MACHINE/POINT";
        self.get("point", EXPECTED)?.ok_or_else(|| Problem::query("point", EXPECTED, ""))
    }

    /// The series that `point=` and `indicator=` name.
    pub(crate) fn series(&self) -> Result<SeriesKey, Problem> {
        let indicator: Option<Name> = self.get("indicator", "the name of an indicator, such as velocity_rms")?;
        Ok(SeriesKey { point: self.point()?, indicator })
    }
}

/// Percent-decoded text; `None` when it is not UTF-8. In a query, `+` is a space.
pub(crate) fn decode(s: &str, plus: bool) -> Option<String> {
    let spaced = if plus { s.replace('+', " ") } else { s.to_owned() };
    percent_decode_str(&spaced).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn parameters_are_decoded_and_strict() {
        let q = Query::parse("point=%E9%9F%B6%2Ffan%2Fa+b&limit=3&empty=").unwrap();
        assert_eq!(q.text("point"), Some("韶/fan/a b"));
        assert_eq!(q.text("empty"), None);
        assert_eq!(q.count("limit", 9, 10), Ok(3));
        assert_eq!(q.count("other", 9, 10), Ok(9));
        assert!(q.count("limit", 1, 2).is_err());
        assert!(q.only(&["point", "limit", "empty"]).is_ok());
        assert!(q.only(&["point"]).is_err());
        let many = (0..17).map(|i| format!("p{i}=1")).collect::<Vec<_>>().join("&");
        for bad in ["a=%FF", "a=1&a=2", &many, &"x".repeat(9000)] {
            assert!(Query::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_out_of_range_are_told_from_what_is_no_number() {
        let positive = |q: &str| Query::parse(q).unwrap().positive("hz", 100.0, "as a test");
        assert_eq!((positive("hz=1e2"), positive("")), (Ok(Some(100.0)), Ok(None)));
        for bad in ["hz=0", "hz=-1", "hz=NaN", "hz=inf", "hz=1e300", "hz=100.1"] {
            assert_eq!(positive(bad).unwrap_err().status(), 422, "{bad}");
        }
        assert_eq!(positive("hz=ten").unwrap_err().status(), 400);
    }

    #[test]
    fn spans_are_half_open_and_end_now() {
        let now = Timestamp::from_secs(1000);
        let hour = Duration::from_secs(600);
        let span = |q: &str| Query::parse(q).unwrap().span(now, hour);
        let (from, to) = span("").unwrap();
        assert_eq!((from.nanos(), to.nanos()), (400_000_000_001, 1_000_000_000_001));
        let (from, to) = span("from=1970-01-01T00:00:01Z&to=2000").unwrap();
        assert_eq!((from, to), (Timestamp::from_secs(1), Timestamp::from_secs(2)));
        for bad in ["from=2000&to=2000", "from=yesterday", "to=1e9"] {
            assert!(span(bad).is_err(), "{bad}");
        }
    }
}
