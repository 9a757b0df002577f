//! What the screen is drawn with: style tokens, and what a terminal can show of them.
//!
//! Views name tokens, never colors. Palettes give them values: dark, light, and both with high contrast, each in full color or 16 colors,
//! and plain, which uses weight, underline and reverse only (`NO_COLOR`). A color is never the only sign of a meaning.

use ratatui::style::{Color, Modifier, Style};

use crate::config;

/// What the terminal can show, read once from the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// How many colors.
    pub colors: Colors,
    /// Which of the palettes `theme = auto` means.
    pub background: Background,
    /// Which glyphs the locale can encode.
    pub charset: Charset,
}

/// How many colors a terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colors {
    /// None, or the person asked for none.
    None,
    /// The 16 of the terminal's own palette.
    Sixteen,
    /// 24 bits.
    Full,
}

/// What text is drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Background {
    /// Light text on dark.
    Dark,
    /// Dark text on light.
    Light,
}

/// What the locale can encode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8.
    Unicode,
    /// Anything else.
    Ascii,
}

impl Traits {
    /// Reads `NO_COLOR`, `TERM`, `COLORTERM`, `COLORFGBG` and the locale through `var`.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| var(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        let colors = if set("NO_COLOR").is_some() || term == "dumb" || term.ends_with("-mono") {
            Colors::None
        } else if set("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit")
            || term.ends_with("-direct")
        {
            Colors::Full
        } else {
            Colors::Sixteen
        };
        // rxvt, Konsole and others: "foreground;background" by palette number; 7 and 15 are the whites.
        let light = set("COLORFGBG").is_some_and(|value| matches!(value.rsplit(';').next(), Some("7" | "15")));
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| set(name)).unwrap_or_default();
        let locale = locale.to_lowercase();
        let unicode = locale.contains("utf-8") || locale.contains("utf8");
        Self {
            colors,
            background: if light { Background::Light } else { Background::Dark },
            charset: if unicode { Charset::Unicode } else { Charset::Ascii },
        }
    }
}

/// Style tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Theme {
    /// What is read.
    pub text: Style,
    /// What was asked, and headings.
    pub strong: Style,
    /// Machinery.
    pub muted: Style,
    /// The one color that leads the eye.
    pub accent: Style,
    /// Good news.
    pub ok: Style,
    /// Worth a look.
    pub warn: Style,
    /// Broken.
    pub bad: Style,
    /// A matched word inside a source.
    pub highlight: Style,
    /// What the keys act on.
    pub selection: Style,
    /// Code.
    pub code: Style,
    /// Lines that part areas.
    pub rule: Style,
}

impl Theme {
    /// The palette that `wanted` means on a terminal with these traits.
    pub(super) fn new(wanted: config::Theme, traits: Traits) -> Self {
        if wanted == config::Theme::Plain || traits.colors == Colors::None {
            return Self::plain();
        }
        let light = match wanted {
            config::Theme::Light => true,
            config::Theme::Auto | config::Theme::Contrast => traits.background == Background::Light,
            config::Theme::Dark | config::Theme::Plain => false,
        };
        if wanted == config::Theme::Contrast {
            return match (light, traits.colors) {
                (false, Colors::Full) => Self::dark_contrast(),
                (true, Colors::Full) => Self::light_contrast(),
                (false, _) => Self::undimmed(Self::dark_sixteen()),
                (true, _) => Self::undimmed(Self::light_sixteen()),
            };
        }
        match (light, traits.colors) {
            (false, Colors::Full) => Self::dark(),
            (true, Colors::Full) => Self::light(),
            (false, _) => Self::dark_sixteen(),
            (true, _) => Self::light_sixteen(),
        }
    }

    fn dark() -> Self {
        let fg = |r, g, b| Style::new().fg(Color::Rgb(r, g, b));
        Self {
            text: Style::new(),
            strong: Style::new().add_modifier(Modifier::BOLD),
            muted: fg(132, 138, 150),
            accent: fg(122, 180, 216),
            ok: fg(143, 188, 127),
            warn: fg(222, 175, 110),
            bad: fg(229, 128, 128),
            highlight: fg(250, 221, 150).bg(Color::Rgb(66, 56, 26)),
            selection: Style::new()
                .fg(Color::Rgb(232, 234, 238))
                .bg(Color::Rgb(44, 62, 84))
                .add_modifier(Modifier::BOLD),
            code: fg(190, 178, 216),
            rule: fg(66, 71, 82),
        }
    }

    fn light() -> Self {
        let fg = |r, g, b| Style::new().fg(Color::Rgb(r, g, b));
        Self {
            text: Style::new(),
            strong: Style::new().add_modifier(Modifier::BOLD),
            muted: fg(108, 114, 126),
            accent: fg(10, 92, 140),
            ok: fg(46, 112, 50),
            warn: fg(146, 88, 0),
            bad: fg(176, 34, 40),
            highlight: fg(60, 44, 0).bg(Color::Rgb(255, 236, 170)),
            selection: Style::new()
                .fg(Color::Rgb(24, 26, 30))
                .bg(Color::Rgb(208, 226, 242))
                .add_modifier(Modifier::BOLD),
            code: fg(96, 60, 140),
            rule: fg(202, 206, 214),
        }
    }

    /// Every color is at least seven times as bright as black is (WCAG 2.2, 1.4.6), and some distance from a dark gray.
    fn dark_contrast() -> Self {
        let fg = |r, g, b| Style::new().fg(Color::Rgb(r, g, b));
        Self {
            accent: fg(120, 220, 255),
            ok: fg(130, 255, 130),
            warn: fg(255, 220, 90),
            bad: fg(255, 150, 150),
            highlight: fg(0, 0, 0).bg(Color::Rgb(255, 230, 60)),
            code: fg(225, 205, 255),
            ..Self::undimmed(Self::dark())
        }
    }

    /// The same on white.
    fn light_contrast() -> Self {
        let fg = |r, g, b| Style::new().fg(Color::Rgb(r, g, b));
        Self {
            accent: fg(0, 50, 130),
            ok: fg(0, 80, 0),
            warn: fg(110, 50, 0),
            bad: fg(140, 0, 10),
            highlight: fg(0, 0, 0).bg(Color::Rgb(255, 225, 0)),
            code: fg(75, 0, 120),
            ..Self::undimmed(Self::light())
        }
    }

    /// The palette with nothing dim: what is less important is told by its place.
    fn undimmed(palette: Self) -> Self {
        let selection = Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD);
        Self { muted: Style::new(), rule: Style::new(), selection, ..palette }
    }

    fn dark_sixteen() -> Self {
        let fg = |color| Style::new().fg(color);
        Self {
            text: Style::new(),
            strong: Style::new().add_modifier(Modifier::BOLD),
            muted: fg(Color::DarkGray),
            accent: fg(Color::Cyan),
            ok: fg(Color::Green),
            warn: fg(Color::Yellow),
            bad: fg(Color::LightRed),
            highlight: fg(Color::Yellow).add_modifier(Modifier::UNDERLINED),
            selection: Style::new().add_modifier(Modifier::REVERSED),
            code: fg(Color::LightBlue),
            rule: fg(Color::DarkGray),
        }
    }

    fn light_sixteen() -> Self {
        let fg = |color| Style::new().fg(color);
        Self {
            // The 16-color yellow is unreadable on white in most palettes: magenta warns instead.
            warn: fg(Color::Magenta),
            accent: fg(Color::Blue),
            bad: fg(Color::Red),
            code: fg(Color::Blue),
            highlight: Style::new().add_modifier(Modifier::UNDERLINED | Modifier::BOLD),
            ..Self::dark_sixteen()
        }
    }

    fn plain() -> Self {
        let with = |modifier| Style::new().add_modifier(modifier);
        Self {
            text: Style::new(),
            strong: with(Modifier::BOLD),
            muted: with(Modifier::DIM),
            accent: with(Modifier::BOLD),
            ok: Style::new(),
            warn: with(Modifier::BOLD),
            bad: with(Modifier::BOLD),
            highlight: with(Modifier::UNDERLINED),
            selection: with(Modifier::REVERSED),
            code: Style::new(),
            rule: with(Modifier::DIM),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traits(vars: &[(&str, &str)]) -> Traits {
        Traits::from_vars(|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_environment_decides_colors_background_and_charset() {
        assert_eq!(traits(&[("TERM", "xterm"), ("COLORTERM", "truecolor")]).colors, Colors::Full);
        assert_eq!(traits(&[("TERM", "xterm"), ("COLORTERM", "truecolor"), ("NO_COLOR", "1")]).colors, Colors::None);
        assert_eq!(traits(&[("TERM", "xterm"), ("NO_COLOR", "")]).colors, Colors::Sixteen);
        assert_eq!(traits(&[("TERM", "dumb")]).colors, Colors::None);
        assert_eq!(traits(&[("COLORFGBG", "0;15")]).background, Background::Light);
        assert_eq!(traits(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]).charset, Charset::Ascii);
        assert_eq!(traits(&[("LANG", "de_DE.utf8")]).charset, Charset::Unicode);
    }

    #[test]
    fn plain_uses_no_color_at_all() {
        let plain = Theme::plain();
        for style in [
            plain.text,
            plain.muted,
            plain.accent,
            plain.ok,
            plain.warn,
            plain.bad,
            plain.highlight,
            plain.selection,
            plain.code,
            plain.rule,
        ] {
            assert_eq!((style.fg, style.bg), (None, None));
        }
    }

    /// How far two colors are from each other, from 1 to 21 (WCAG 2.2).
    fn contrast(a: (u8, u8, u8), b: (u8, u8, u8)) -> f64 {
        let linear = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let light = |(r, g, b)| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
        let (a, b) = (light(a), light(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn high_contrast_is_high_and_nothing_is_dim() {
        assert!((contrast((0, 0, 0), (255, 255, 255)) - 21.0).abs() < 1e-9);
        for (background, ground) in [(Background::Dark, (30, 30, 30)), (Background::Light, (255, 255, 255))] {
            for colors in [Colors::Full, Colors::Sixteen] {
                let traits = Traits { colors, background, charset: Charset::Unicode };
                let theme = Theme::new(config::Theme::Contrast, traits);
                let styles = [theme.accent, theme.ok, theme.warn, theme.bad, theme.code];
                for style in styles {
                    let Some(Color::Rgb(r, g, b)) = style.fg else { continue };
                    assert!(contrast((r, g, b), ground) >= 7.0, "{style:?} on {ground:?}");
                }
                for style in [theme.muted, theme.rule, theme.text] {
                    assert_eq!(style, Style::new(), "{background:?} {colors:?}");
                }
                if let (Some(Color::Rgb(r, g, b)), Some(Color::Rgb(x, y, z))) = (theme.highlight.fg, theme.highlight.bg)
                {
                    assert!(contrast((r, g, b), (x, y, z)) >= 7.0);
                }
            }
        }
    }
}
