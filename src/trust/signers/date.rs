//! Dates of `allowed_signers` (ssh-keygen(1), `valid-after`): `YYYYMMDD[Z]`, `YYYYMMDDHHMM[Z]`, `YYYYMMDDHHMMSS[Z]`.
//!
//! A date without `Z` depends on the time zone of the machine, so it is rejected with its own error.

use crate::input::time::Time;

/// Why a date is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DateError {
    /// A valid date in the reader's local time zone.
    NotUtc,
    /// Not a date.
    Bad,
}

/// Parses a date.
pub(super) fn read(text: &str) -> Result<Time, DateError> {
    let (digits, utc) = match text.strip_suffix('Z') {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    let time = point(digits).ok_or(DateError::Bad)?;
    if utc { Ok(time) } else { Err(DateError::NotUtc) }
}

fn point(digits: &str) -> Option<Time> {
    if !matches!(digits.len(), 8 | 12 | 14) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or("00");
    let (year, month, day) = (part(0, 4), part(4, 6), part(6, 8));
    let written = format!("{year}-{month}-{day}T{}:{}:{}Z", part(8, 10), part(10, 12), part(12, 14));
    // Format the result again and compare, so that an invalid date such as 31 February does not become another time.
    // OpenSSH reads the first second of 1970 as "not set", and rejects earlier times.
    Time::parse(&written).filter(|time| time.unix() > 0 && time.to_string() == written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_without_z_is_told_apart_from_a_typo() {
        assert_eq!(read("20261130Z").unwrap().to_string(), "2026-11-30T00:00:00Z");
        assert_eq!(read("202611301234Z").unwrap().to_string(), "2026-11-30T12:34:00Z");
        assert_eq!(read("20261130123456Z").unwrap().to_string(), "2026-11-30T12:34:56Z");
        assert_eq!(read("20261130"), Err(DateError::NotUtc));
        for bad in ["", "Z", "2026", "20261330Z", "20260231Z", "2026113012Z", "20261130z", "20261130UTC", "19700101Z"] {
            assert_eq!(read(bad), Err(DateError::Bad), "{bad}");
        }
    }
}
