//! Instants, days and lengths of time as people write them, and what they mean in a time zone (R4).
//! Reads no clock: the instant is always an argument. Used by the kinds, the records and the decisions.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SpanRelativeTo, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant (RFC 3339, with an offset) or a plain date (`2027-03-01`).
///
/// A plain date means the start of that day in the tenant's time zone; as the end of a period it
/// is inclusive, that is the end of that day (R4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Day(Date),
    Instant(Timestamp),
}

impl When {
    /// The instant at which this begins.
    pub fn start(self, zone: &TimeZone) -> Timestamp {
        match self {
            When::Day(date) => start_of_day(date, zone),
            When::Instant(at) => at,
        }
    }

    /// The first instant that is no longer part of a period ending here.
    pub fn end(self, zone: &TimeZone) -> Timestamp {
        match self {
            When::Day(date) => match date.tomorrow() {
                Ok(next) => start_of_day(next, zone),
                Err(_) => Timestamp::MAX,
            },
            When::Instant(at) => at,
        }
    }
}

/// An instant as people and machines are told it: RFC 3339, in UTC, to the second.
pub fn rfc3339(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The first instant of a day in a zone: where midnight does not exist, the first that does.
fn start_of_day(date: Date, zone: &TimeZone) -> Timestamp {
    date.to_zoned(zone.clone())
        .and_then(|zoned| if zoned.date() == date { zoned.start_of_day() } else { Ok(zoned) })
        .map(|zoned| zoned.timestamp())
        .unwrap_or(Timestamp::MAX)
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |error: jiff::Error| {
            format!(
                "`{text}` is no date: {error}; write a day (2027-03-01) or an instant with its offset (2027-03-01T09:00:00+09:00)"
            )
        };
        if text.len() == 10 { text.parse().map(When::Day).map_err(wrong) } else { text.parse().map(When::Instant).map_err(wrong) }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            When::Day(date) => date.fmt(f),
            When::Instant(at) => at.fmt(f),
        }
    }
}

/// A calendar day without a time zone's meaning, such as a birthday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day(pub Date);

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Day).map_err(|error| format!("`{text}` is no date: {error}; write it as 2027-03-01"))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A length of time such as `7d`, `36h` or `90m`; a day is 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length {
    /// Microseconds.
    pub micros: i64,
}

impl Length {
    pub const DAY: Length = Length { micros: 24 * 3600 * 1_000_000 };
    pub const HOUR: Length = Length { micros: 3600 * 1_000_000 };

    /// That many days of 24 hours.
    pub const fn days(days: i64) -> Length {
        Length { micros: days * Self::DAY.micros }
    }

    /// The instant that is this much later, or the last there is.
    pub fn after(self, at: Timestamp) -> Timestamp {
        at.checked_add(jiff::SignedDuration::from_micros(self.micros)).unwrap_or(Timestamp::MAX)
    }
}

impl FromStr for Length {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no length of time: write 7d, 36h or 90m");
        if text == "0" {
            return Ok(Length { micros: 0 });
        }
        let span: jiff::Span = text.parse().map_err(|_| wrong())?;
        let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
        i64::try_from(length.as_micros()).ok().filter(|micros| *micros >= 0).map(|micros| Length { micros }).ok_or_else(wrong)
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.micros / 1_000_000;
        if left == 0 {
            return f.write_str("0");
        }
        for (unit, seconds) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
            if left >= seconds {
                write!(f, "{}{unit}", left / seconds)?;
                left %= seconds;
            }
        }
        Ok(())
    }
}

/// Serde by text and a schema with a rule, for types that read and write themselves.
macro_rules! by_text {
    ($name:ident, $max:literal, $rule:literal, $message:literal) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "maxLength": $max,
                    "x-kubernetes-validations": [{"rule": $rule, "message": $message}],
                })
            }
        }
    };
}

by_text!(
    When,
    40,
    "timestamp(self.size() == 10 ? self + 'T00:00:00Z' : self) > timestamp('0001-01-01T00:00:00Z')",
    "write a day that exists (2027-03-01) or an instant with its offset (2027-03-01T09:00:00+09:00) (R4)"
);
by_text!(
    Day,
    10,
    "timestamp(self + 'T00:00:00Z') > timestamp('0001-01-01T00:00:00Z')",
    "write a day that exists, such as 1990-02-28"
);
by_text!(
    Length,
    32,
    "self.matches('^(0|([0-9]{1,6}d)?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?)$') && self != ''",
    "write a length of time such as 7d, 36h or 90m"
);

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    // R4
    #[test]
    fn a_plain_date_is_the_start_of_its_day_in_the_zone() {
        let when: When = "2027-03-01".parse().unwrap();
        assert_eq!(when.start(&zone("Asia/Seoul")).to_string(), "2027-02-28T15:00:00Z");
        assert_eq!(when.end(&zone("Asia/Seoul")).to_string(), "2027-03-01T15:00:00Z");
    }

    // R4
    #[test]
    fn a_midnight_that_does_not_exist_is_the_first_instant_that_does() {
        let when: When = "2018-11-04".parse().unwrap();
        assert_eq!(when.start(&zone("America/Sao_Paulo")).to_string(), "2018-11-04T03:00:00Z");
    }

    // R4
    #[test]
    fn a_midnight_that_comes_twice_is_the_first() {
        let when: When = "2018-02-18".parse().unwrap();
        assert_eq!(when.start(&zone("America/Sao_Paulo")).to_string(), "2018-02-18T03:00:00Z");
        let havana: When = "2024-11-03".parse().unwrap();
        assert_eq!(havana.start(&zone("America/Havana")).to_string(), "2024-11-03T04:00:00Z");
    }

    // R4
    #[test]
    fn a_day_that_was_skipped_is_the_first_instant_after_it() {
        let when: When = "2011-12-30".parse().unwrap();
        assert_eq!(when.start(&zone("Pacific/Apia")).to_string(), "2011-12-30T10:00:00Z");
    }

    #[test]
    fn a_day_that_does_not_exist_is_refused_with_the_remedy() {
        let error = "2027-02-30".parse::<When>().unwrap_err();
        assert!(error.contains("2027-02-30") && error.contains("2027-03-01"), "{error}");
    }

    #[test]
    fn lengths_read_and_print() {
        for text in ["0", "7d", "36h", "1d12h", "90m"] {
            let length: Length = text.parse().unwrap();
            assert_eq!(length, length.to_string().parse().unwrap());
        }
        assert_eq!("36h".parse::<Length>().unwrap().to_string(), "1d12h");
        assert!("soon".parse::<Length>().is_err());
    }
}
