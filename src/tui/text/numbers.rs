//! Numbers as a person reads them.

/// `12,480`.
pub(in crate::tui) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `98 MB`, `1.4 GB`: decimal units, as hubs and disks are labeled.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = number as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = usize::from(unit >= 3 && value < 99.95);
    format!("{value:.decimals$} {}", UNITS[unit])
}

/// `61 of 98 MB`: the unit stands once where both have the same.
pub(in crate::tui) fn bytes_of(done: u64, total: u64) -> String {
    let (done, total) = (bytes(done), bytes(total));
    match done.split_once(' ') {
        Some((number, unit)) if total.ends_with(&format!(" {unit}")) => format!("{number} of {total}"),
        _ => format!("{done} of {total}"),
    }
}

/// `12 s`, `2 min`, `3 h`: one unit, rounded up, for what is still to wait.
pub(in crate::tui) fn seconds(number: u64) -> String {
    match number {
        0..=89 => format!("{number} s"),
        90..=5399 => format!("{} min", number.div_ceil(60)),
        _ => format!("{} h", number.div_ceil(3600)),
    }
}

/// `1 file`, `1,204 files`.
pub(in crate::tui) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_like_numbers() {
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(100), "100");
        assert_eq!(bytes(98_000_000), "98 MB");
        assert_eq!(bytes(1_440_000_000), "1.4 GB");
        assert_eq!(bytes_of(61_000_000, 98_000_000), "61 of 98 MB");
        assert_eq!(bytes_of(900, 98_000_000), "900 B of 98 MB");
        assert_eq!(seconds(119), "2 min");
        assert_eq!(count(1, "file", "files"), "1 file");
    }
}
