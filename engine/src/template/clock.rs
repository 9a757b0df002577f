//! `strftime_now` of chat templates: today's date, in UTC.
//!
//! Templates of the Llama 3 family write the date into the system message. Only the fields that a date in
//! a prompt can want are known; another one is an error rather than a wrong text.

use std::fmt::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

/// Why a format cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("strftime_now: %{0} is not supported")]
    Field(char),
    #[error("strftime_now: the format ends with %")]
    Unfinished,
    #[error("strftime_now: {0}")]
    Write(#[from] fmt::Error),
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

/// Formats `time` as `strftime` would in the C locale and UTC.
pub(super) fn format(time: SystemTime, format: &str) -> Result<String, Error> {
    // A clock before 1970 is a broken clock; the epoch is as good a guess as any.
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let days = seconds / 86_400;
    let second = seconds % 86_400;
    let (year, month, day) = civil(days);
    let month_name = MONTHS[month as usize - 1];
    let day_name = DAYS[(days % 7) as usize];
    let mut out = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('Y') => write!(out, "{year}")?,
            Some('y') => write!(out, "{:02}", year % 100)?,
            Some('m') => write!(out, "{month:02}")?,
            Some('d') => write!(out, "{day:02}")?,
            Some('e') => write!(out, "{day:2}")?,
            Some('B') => out.push_str(month_name),
            Some('b') => out.push_str(&month_name[..3]),
            Some('A') => out.push_str(day_name),
            Some('a') => out.push_str(&day_name[..3]),
            Some('F') => write!(out, "{year}-{month:02}-{day:02}")?,
            Some('H') => write!(out, "{:02}", second / 3600)?,
            Some('M') => write!(out, "{:02}", second / 60 % 60)?,
            Some('S') => write!(out, "{:02}", second % 60)?,
            Some('%') => out.push('%'),
            Some(other) => return Err(Error::Field(other)),
            None => return Err(Error::Unfinished),
        }
    }
    Ok(out)
}

/// Days since 1970-01-01 → year, month, day. Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `civil_from_days`, for dates after the epoch.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64, text: &str) -> String {
        format(UNIX_EPOCH + Duration::from_secs(seconds), text).unwrap()
    }

    #[test]
    fn known_moments_are_formatted_as_date_does() {
        // date -u -d @1709210096 '+%A %d %b %Y %H:%M:%S'
        assert_eq!(at(1_709_210_096, "%A %d %b %Y %H:%M:%S"), "Thursday 29 Feb 2024 12:34:56");
        assert_eq!(at(0, "%F %a"), "1970-01-01 Thu");
        assert_eq!(at(4_107_542_399, "%F %y 100%%"), "2100-02-28 00 100%");
        assert_eq!(at(4_107_542_400, "%e %B"), " 1 March");
    }

    #[test]
    fn an_unknown_field_is_an_error() {
        assert!(format(UNIX_EPOCH, "%Q").unwrap_err().to_string().contains("%Q"));
        assert!(format(UNIX_EPOCH, "100%").is_err());
    }
}
