//! The signs that the screen is drawn with, in Unicode or in ASCII alone.

use super::theme::Charset;

/// The signs that are drawn, in two sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Glyphs {
    pub full: &'static str,
    pub empty: &'static str,
    pub pointer: &'static str,
    pub check: &'static str,
    pub cross: &'static str,
    pub dot: &'static str,
    pub bullet: &'static str,
    pub ellipsis: &'static str,
    pub rule: &'static str,
    pub column: &'static str,
    pub mark: &'static str,
    pub down: &'static str,
    pub dash: &'static str,
    pub open_quote: &'static str,
    pub close_quote: &'static str,
    pub spinner: &'static [&'static str],
    charset: Charset,
}

const UNICODE: Glyphs = Glyphs {
    full: "▰",
    empty: "▱",
    pointer: "▸",
    check: "✓",
    cross: "✗",
    dot: "·",
    bullet: "•",
    ellipsis: "…",
    rule: "─",
    column: "│",
    mark: "▍",
    down: "↓",
    dash: "–",
    open_quote: "“",
    close_quote: "”",
    spinner: &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"],
    charset: Charset::Unicode,
};

const ASCII: Glyphs = Glyphs {
    full: "#",
    empty: ".",
    pointer: ">",
    check: "+",
    cross: "x",
    dot: "-",
    bullet: "*",
    ellipsis: "...",
    rule: "-",
    column: "|",
    mark: "|",
    down: "v",
    dash: "-",
    open_quote: "\"",
    close_quote: "\"",
    spinner: &["|", "/", "-", "\\"],
    charset: Charset::Ascii,
};

/// The digits as superscripts.
const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];

impl Glyphs {
    /// The set for a charset.
    pub(super) fn new(charset: Charset) -> Self {
        match charset {
            Charset::Unicode => UNICODE,
            Charset::Ascii => ASCII,
        }
    }

    /// A bar of `cells`; full only when `done` reaches `total`, empty only at zero.
    pub(super) fn bar(&self, done: u64, total: u64, cells: usize) -> (String, String) {
        let share = if total == 0 { 0.0 } else { done as f64 / total as f64 };
        let mut full = (share * cells as f64).floor() as usize;
        if done > 0 && cells > 0 {
            full = full.max(1);
        }
        full = full.min(cells);
        if done < total && full == cells {
            full = cells.saturating_sub(1);
        }
        (self.full.repeat(full), self.empty.repeat(cells - full))
    }

    /// A citation's number, raised: `¹²`, or `[12]` in ASCII.
    pub(super) fn citation(&self, n: u32) -> String {
        if self.charset == Charset::Ascii {
            return format!("[{n}]");
        }
        n.to_string().bytes().map(|digit| RAISED[usize::from(digit - b'0')]).collect()
    }

    /// Only ASCII may be drawn.
    pub(super) fn is_ascii(&self) -> bool {
        self.charset == Charset::Ascii
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_full_only_when_done() {
        let glyphs = Glyphs::new(Charset::Unicode);
        assert_eq!(glyphs.bar(0, 10, 5), (String::new(), "▱▱▱▱▱".into()));
        assert_eq!(glyphs.bar(1, 1000, 5).0, "▰");
        assert_eq!(glyphs.bar(999, 1000, 5).0, "▰▰▰▰");
        assert_eq!(glyphs.bar(1000, 1000, 5).0, "▰▰▰▰▰");
        assert_eq!(glyphs.bar(7, 0, 5).0, "▰");
    }
}
