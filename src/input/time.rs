//! Times in UTC and spans in whole seconds.
//!
//! Times are RFC 3339. A span is a positive whole number with a unit: `30s`, `45m`, `4h`, `7d`, `2w`.

use std::borrow::Cow;
use std::num::NonZeroI64;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time, in UTC, in whole seconds.
///
/// INVARIANT: non-negative seconds are stored plus one, so the stored number is never 0 and `Option<Time>` has the size
/// of `Time`: a large snapshot contains millions of them. The stored order equals the order of the seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(NonZeroI64);

impl Time {
    /// Converts from seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_unix(seconds: i64) -> Self {
        let kept = if seconds >= 0 { seconds.saturating_add(1) } else { seconds };
        match NonZeroI64::new(kept) {
            Some(kept) => Self(kept),
            None => Self(NonZeroI64::MIN),
        }
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix(self) -> i64 {
        let kept = self.0.get();
        if kept > 0 { kept - 1 } else { kept }
    }

    /// Parses RFC 3339 with any offset, and drops a fraction of a second. A bare date means midnight UTC.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let has_offset = text.ends_with('Z') || text.rfind(['+', '-']).is_some_and(|at| at > 10);
        let full = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
        if text.len() != 10 && !has_offset {
            return None;
        }
        full.parse::<Timestamp>().ok().map(|t| Self::from_unix(t.as_second()))
    }

    /// This time plus a span.
    #[must_use]
    pub fn plus(self, span: Span) -> Self {
        Self::from_unix(self.unix().saturating_add(span.0))
    }

    /// The span from `earlier` to this time, or `None` if it is negative.
    #[must_use]
    pub fn since(self, earlier: Self) -> Option<Span> {
        (self >= earlier).then(|| Span(self.unix().saturating_sub(earlier.unix())))
    }
}

impl std::fmt::Debug for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Time({})", self.unix())
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match Timestamp::from_second(self.unix()) {
            Ok(t) => write!(f, "{}", t.strftime("%Y-%m-%dT%H:%M:%SZ")),
            Err(_) => write!(f, "@{}", self.unix()),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected a time such as `2026-11-30T00:00:00Z`"))
    }
}
impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({"type": "string", "format": "date-time"})
    }
}

/// A duration in whole seconds, never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

impl Span {
    /// The longest span.
    pub const MAX: Self = Self(i64::MAX);

    /// Converts from whole seconds. A negative number becomes 0.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.max(0))
    }

    /// Converts from whole days.
    #[must_use]
    pub const fn from_days(days: u32) -> Self {
        Self(days as i64 * 86_400)
    }

    /// Whole seconds.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0
    }

    /// Parses `30s`, `45m`, `4h`, `7d` or `2w`. Returns `None` for 0 and anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let unit = match text.chars().last()? {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        let digits = text.get(..text.len() - 1)?;
        if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        digits.parse::<i64>().ok()?.checked_mul(unit).filter(|s| *s > 0).map(Self)
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let s = self.0;
        match s {
            _ if s % 86_400 == 0 && s > 0 => write!(f, "{}d", s / 86_400),
            _ if s % 3_600 == 0 && s > 0 => write!(f, "{}h", s / 3_600),
            _ if s % 60 == 0 && s > 0 => write!(f, "{}m", s / 60),
            _ => write!(f, "{s}s"),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected a duration such as `45m`, `4h` or `7d`"))
    }
}
impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[1-9][0-9]*[smhdw]$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_keeps_its_seconds_and_their_order_and_takes_no_room_when_absent() {
        let all = [i64::MIN, -2, -1, 0, 1, 1_800_000_000, i64::MAX - 1];
        assert_eq!(all.map(|s| Time::from_unix(s).unix()), all);
        assert!(all.windows(2).all(|pair| Time::from_unix(pair[0]) < Time::from_unix(pair[1])));
        assert_eq!(size_of::<Option<Time>>(), 8);
    }

    #[test]
    fn times_and_spans_read_back_as_written() {
        let t = Time::parse("2026-11-30T01:02:03Z").unwrap();
        assert_eq!(t.to_string(), "2026-11-30T01:02:03Z");
        assert_eq!(Time::parse("2026-11-30T02:02:03+01:00"), Some(t));
        assert_eq!(Time::parse("2026-11-30T01:02:03"), None, "a time without an offset is ambiguous");
        for s in ["30s", "45m", "4h", "7d"] {
            assert_eq!(Span::parse(s).unwrap().to_string(), s);
        }
        for s in ["", "h", "0h", "-1h", "1.5h", "1 h", "4", "9999999999h", "٣h"] {
            assert_eq!(Span::parse(s), None, "{s}");
        }
    }
}
