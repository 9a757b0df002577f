//! The few declarations of CSS that take text out of sight: of one element, and of the plain rules of a page's `<style>`.

use std::collections::{HashMap, HashSet};

/// Bytes of `<style>` that are read.
pub(super) const MAX_STYLE: usize = 1 << 20;
/// How far out of the page, in pixels, nothing is seen any more; pages themselves are scrolled by less.
const FAR: f32 = 999.0;
/// Pixels of a letter that nobody can read.
const TINY: f32 = 1.0;

/// How text looks at one place of a page: inherited, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a way to hide text that holds by itself")]
pub(super) struct Look {
    /// Not displayed or transparent, and all that is inside with it.
    pub(super) off: bool,
    /// Far out of the page, and all that is inside with it.
    pub(super) far: bool,
    invisible: bool,
    tiny: bool,
    ink: Option<u32>,
    ground: Option<u32>,
}

impl Look {
    /// Whether text here stands where or as nobody sees it.
    pub(super) fn hides(self) -> bool {
        self.far || self.tiny || (self.ink.is_some() && self.ink == self.ground)
    }

    /// Whether text here is taken off the page, as scripts do with what they show later.
    pub(super) fn is_off(self) -> bool {
        self.off || self.invisible
    }

    /// The look inside an element. One that a style sheet may speak of may be given another size and other colors by it.
    pub(super) fn inside(self, declared: Declared, is_styled: bool) -> Self {
        let mut look = self;
        if is_styled {
            (look.tiny, look.ink, look.ground) = (false, None, None);
        }
        let far = declared.indented == Some(true) || (declared.lifted == Some(true) && declared.moved == Some(true));
        look.off |= declared.absent == Some(true) || declared.transparent == Some(true);
        look.far |= far;
        look.invisible = declared.invisible.unwrap_or(look.invisible);
        look.tiny = declared.tiny.unwrap_or(look.tiny);
        look.ink = declared.ink.map_or(look.ink, Paint::solid);
        look.ground = declared.ground.map_or(look.ground, Paint::solid);
        if declared.pictured == Some(true) {
            look.ground = None;
        }
        look
    }
}

/// A color as it is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paint {
    /// 24 bits of red, green and blue.
    Solid(u32),
    /// One that is not known, or no single one.
    Other,
}

impl Paint {
    fn solid(self) -> Option<u32> {
        match self {
            Self::Solid(bits) => Some(bits),
            Self::Other => None,
        }
    }
}

/// What declarations say; `None` where they say nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Declared {
    /// `display: none`, or the attribute `hidden`.
    pub(super) absent: Option<bool>,
    transparent: Option<bool>,
    /// Taken out of the flow, so that offsets move it.
    lifted: Option<bool>,
    moved: Option<bool>,
    /// Moved away by indent or margin, which needs no lifting.
    indented: Option<bool>,
    invisible: Option<bool>,
    tiny: Option<bool>,
    ink: Option<Paint>,
    ground: Option<Paint>,
    /// A picture lies over the color of the ground.
    pictured: Option<bool>,
    /// It is moved or faded by the browser: what is transparent now may be on its way.
    moving: bool,
}

impl Declared {
    /// Both, where `later` has the last word.
    pub(super) fn then(self, later: Self) -> Self {
        Self {
            absent: later.absent.or(self.absent),
            transparent: later.transparent.or(self.transparent),
            lifted: later.lifted.or(self.lifted),
            moved: later.moved.or(self.moved),
            indented: later.indented.or(self.indented),
            invisible: later.invisible.or(self.invisible),
            tiny: later.tiny.or(self.tiny),
            ink: later.ink.or(self.ink),
            ground: later.ground.or(self.ground),
            pictured: later.pictured.or(self.pictured),
            moving: later.moving || self.moving,
        }
    }

    fn set(&mut self, property: &str, value: &str) {
        match property {
            "display" => self.absent = Some(value == "none"),
            "visibility" => self.invisible = Some(matches!(value, "hidden" | "collapse")),
            "opacity" => self.transparent = number(value).map(|(number, _)| number <= 0.0),
            "position" => self.lifted = Some(matches!(value, "absolute" | "fixed")),
            "left" | "right" | "top" | "bottom" => self.moved = Some(self.moved == Some(true) || is_far(value)),
            "text-indent" | "margin-left" => self.indented = Some(self.indented == Some(true) || is_far(value)),
            "font-size" => self.tiny = tiny(value).or(self.tiny),
            "color" => self.ink = Some(color(value).map_or(Paint::Other, Paint::Solid)),
            "background" | "background-color" => self.ground = Some(color(value).map_or(Paint::Other, Paint::Solid)),
            "background-image" => self.pictured = Some(value != "none"),
            "transform" | "transition" | "animation" => self.moving = true,
            _ => {}
        }
    }
}

/// The declarations of a `style` attribute or of a rule's body.
pub(super) fn declared(body: &str) -> Declared {
    let mut declared = Declared::default();
    for declaration in body.split(';') {
        let Some((property, value)) = declaration.split_once(':') else { continue };
        let value = value.to_ascii_lowercase();
        let value = value.trim().trim_end_matches("important").trim_end_matches(['!', ' ']);
        declared.set(property.trim().to_ascii_lowercase().as_str(), value.trim());
    }
    if declared.moving {
        declared.transparent = None;
    }
    declared
}

/// The color of the attribute `bgcolor` or `color`.
pub(super) fn colored(property: &str, value: &str) -> Declared {
    let mut declared = Declared::default();
    declared.set(property, value.trim().to_ascii_lowercase().as_str());
    declared
}

/// A number and its unit.
fn number(value: &str) -> Option<(f32, &str)> {
    let end = value.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '-' | '+')).unwrap_or(value.len());
    Some((value[..end].parse().ok()?, value[end..].trim()))
}

fn is_far(value: &str) -> bool {
    number(value).is_some_and(|(number, unit)| match unit {
        "px" | "pt" => number <= -FAR,
        "em" | "rem" => number * 16.0 <= -FAR,
        "%" | "vw" | "vh" => number <= -200.0,
        _ => false,
    })
}

/// Whether a size cannot be read; `None` where it depends on that of what is around.
fn tiny(value: &str) -> Option<bool> {
    match number(value) {
        Some((size, "px" | "pt")) => Some(size < TINY),
        Some((size, _)) if size <= 0.0 => Some(true),
        Some((_, "em" | "%" | "ex")) => None,
        Some((size, "rem")) => Some(size * 16.0 < TINY),
        None if matches!(value, "inherit" | "smaller" | "larger" | "unset") => None,
        _ => Some(false),
    }
}

/// A color without transparency, as 24 bits; `None` for what is none or not known.
fn color(value: &str) -> Option<u32> {
    if let Some(digits) = value.strip_prefix('#') {
        let bits = u32::from_str_radix(digits, 16).ok()?;
        return match digits.len() {
            6 => Some(bits),
            3 => Some((bits >> 8) * 0x11_0000 + ((bits >> 4) & 0xF) * 0x1100 + (bits & 0xF) * 0x11),
            _ => None,
        };
    }
    if let Some(parts) = value.strip_prefix("rgb(").and_then(|value| value.strip_suffix(')')) {
        let mut parts = parts.split([',', ' ']).filter(|part| !part.is_empty()).map(|part| part.parse::<u8>().ok());
        let bits = [parts.next()??, parts.next()??, parts.next()??];
        return parts.next().is_none().then(|| u32::from_be_bytes([0, bits[0], bits[1], bits[2]]));
    }
    Some(match value {
        "white" => 0xFF_FFFF,
        "black" => 0,
        "red" => 0xFF_0000,
        "yellow" => 0xFF_FF00,
        "blue" => 0xFF,
        "gray" | "grey" => 0x80_8080,
        "silver" => 0xC0_C0C0,
        "ivory" => 0xFF_FFF0,
        "snow" => 0xFF_FAFA,
        "whitesmoke" => 0xF5_F5F5,
        _ => return None,
    })
}

/// The rules of a page's `<style>` for one class (`.name`) or one element (`#name`), whatever else it is.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// `None` for a name that other rules speak of too: what holds in the end depends on them.
    plain: HashMap<String, Option<Declared>>,
    /// Names of elements that rules speak of; `*` is any.
    elements: HashSet<String>,
}

impl Rules {
    /// Takes the rules of a style sheet in; `conditional` where it holds at some times only.
    pub(super) fn read(&mut self, sheet: &str, conditional: bool) {
        let sheet = without_comments(sheet);
        let mut rest = sheet.as_str();
        // Inside `@media` and the like rules hold at some times only.
        let mut conditions = 0_usize;
        while let Some(at) = rest.find(['{', '}']) {
            let prelude = rest[..at].rsplit(';').next().unwrap_or_default().trim();
            let opens = rest.as_bytes()[at] == b'{';
            rest = &rest[at + 1..];
            if !opens {
                conditions = conditions.saturating_sub(1);
            } else if prelude.starts_with('@') {
                conditions += 1;
            } else {
                let end = rest.find('}').unwrap_or(rest.len());
                self.add(prelude, declared(&rest[..end]), conditional || conditions > 0);
                rest = rest.get(end + 1..).unwrap_or_default();
            }
        }
    }

    fn add(&mut self, selectors: &str, declared: Declared, conditional: bool) {
        if declared == Declared::default() {
            return;
        }
        for selector in selectors.split(',').map(str::trim) {
            let is_plain = selector.starts_with(['.', '#'])
                && selector[1..].chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'));
            if is_plain && !conditional {
                let entry = self.plain.entry(selector.to_owned()).or_insert_with(|| Some(Declared::default()));
                *entry = entry.map(|before| before.then(declared));
            } else {
                self.elements.extend(elements_of(selector));
                for name in names_of(selector) {
                    self.plain.insert(name.to_owned(), None);
                }
            }
        }
    }

    /// What the rules declare for one name, with its `.` or `#`.
    pub(super) fn for_name(&self, name: &str) -> Declared {
        self.plain.get(name).copied().flatten().unwrap_or_default()
    }

    /// Whether rules speak of elements of this name.
    pub(super) fn speak_of(&self, element: &str) -> bool {
        !self.elements.is_empty() && (self.elements.contains("*") || self.elements.contains(element))
    }

    /// Whether no class or id is spoken of.
    pub(super) fn is_empty(&self) -> bool {
        self.plain.is_empty()
    }
}

/// The classes and ids of a selector, with their `.` or `#`.
fn names_of(selector: &str) -> impl Iterator<Item = &str> {
    selector.match_indices(['.', '#']).map(|(at, _)| {
        let rest = &selector[at + 1..];
        let len = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_'))).unwrap_or(rest.len());
        &selector[at..=at + len]
    })
}

/// The names of elements in a selector, in lower case.
fn elements_of(selector: &str) -> impl Iterator<Item = String> {
    let parts = selector.split(|c: char| c.is_whitespace() || matches!(c, '>' | '+' | '~' | '(' | ')'));
    let names = parts.map(|part| &part[..part.find(['.', '#', ':', '[']).unwrap_or(part.len())]);
    names.filter(|name| !name.is_empty()).map(str::to_ascii_lowercase)
}

fn without_comments(sheet: &str) -> String {
    let mut out = String::with_capacity(sheet.len());
    let mut rest = sheet;
    while let Some((before, comment)) = rest.split_once("/*") {
        out.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}
