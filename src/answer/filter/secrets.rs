//! Secrets by the shapes that their issuers gave them, so that scanners find them.

use super::{Probe, before};

pub(super) const PRIVATE_KEY: &str = "private key";
const JWT: &str = "jwt";
const AWS_SECRET: &str = "aws secret key";

/// Bytes of the longest first or last line of a key.
pub(super) const LONGEST_LINE: usize = 72;

/// A prefix with so many characters behind it.
struct Shape {
    kind: &'static str,
    prefix: &'static str,
    least: usize,
    most: usize,
    /// What may follow the prefix.
    alphabet: fn(u8) -> bool,
    /// What must be among it, so that words with hyphens are none.
    mixed: fn(&str) -> bool,
}

const fn shape(
    kind: &'static str,
    prefix: &'static str,
    (least, most): (usize, usize),
    alphabet: fn(u8) -> bool,
) -> Shape {
    Shape { kind, prefix, least, most, alphabet, mixed: |_| true }
}

/// AWS: IAM identifiers · `GitHub`: token formats of 2021 · Slack: token types · `GitLab`: token prefixes · Google, Stripe, Hugging Face,
/// `OpenAI` and Anthropic: as their consoles hand keys out.
const SHAPES: [Shape; 21] = [
    shape("aws key", "AKIA", (16, 16), is_base32),
    shape("aws key", "ASIA", (16, 16), is_base32),
    shape("github token", "ghp_", (36, 255), is_alphanumeric),
    shape("github token", "gho_", (36, 255), is_alphanumeric),
    shape("github token", "ghu_", (36, 255), is_alphanumeric),
    shape("github token", "ghs_", (36, 255), is_alphanumeric),
    shape("github token", "ghr_", (36, 255), is_alphanumeric),
    shape("github token", "github_pat_", (22, 255), is_url_safe),
    Shape { mixed: has_digit, ..shape("slack token", "xoxa-", (10, 255), is_url_safe) },
    Shape { mixed: has_digit, ..shape("slack token", "xoxb-", (10, 255), is_url_safe) },
    Shape { mixed: has_digit, ..shape("slack token", "xoxp-", (10, 255), is_url_safe) },
    Shape { mixed: has_digit, ..shape("slack token", "xoxr-", (10, 255), is_url_safe) },
    Shape { mixed: has_digit, ..shape("slack token", "xoxs-", (10, 255), is_url_safe) },
    Shape { mixed: has_digit, ..shape("slack token", "xapp-", (10, 255), is_url_safe) },
    shape("gitlab token", "glpat-", (20, 64), is_url_safe),
    shape("api key", "AIza", (35, 35), is_url_safe),
    shape("api key", "sk_live_", (16, 255), is_alphanumeric),
    shape("api key", "rk_live_", (16, 255), is_alphanumeric),
    shape("api key", "sk_test_", (16, 255), is_alphanumeric),
    Shape { mixed: is_mixed, ..shape("api key", "hf_", (30, 64), is_alphanumeric) },
    Shape { mixed: is_mixed, ..shape("api key", "sk-", (20, 255), is_url_safe) },
];

fn is_base32(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'2'..=b'7')
}

fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn is_url_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

fn is_mixed(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_uppercase()) && text.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// A secret on one line.
pub(super) fn secret(text: &str, at: usize) -> (&'static str, Probe) {
    let shapes = SHAPES.iter().map(|shape| (shape.kind, shape.probe(text, at)));
    let others = [(JWT, jwt(text, at)), (AWS_SECRET, aws_secret(text, at))];
    // Prefixes exclude each other, but for what the text has not told yet.
    shapes.chain(others).find(|(_, probe)| *probe != Probe::NONE).unwrap_or((JWT, Probe::NONE))
}

impl Shape {
    fn probe(&self, text: &str, at: usize) -> Probe {
        let rest = &text[at..];
        let Some(body) = rest.strip_prefix(self.prefix) else {
            return if self.prefix.starts_with(rest) { Probe::OPEN } else { Probe::NONE };
        };
        let length = body.bytes().take(self.most + 1).take_while(|byte| (self.alphabet)(*byte)).count();
        if length > self.most {
            return Probe::NONE;
        }
        if length == body.len() && length < self.least {
            return Probe::OPEN;
        }
        if length < self.least || !(self.mixed)(&body[..length]) {
            return Probe { matched: None, open: length == body.len() };
        }
        Probe::ending(text, at, self.prefix.len() + length)
    }
}

/// A token of RFC 7519: three or more parts in base64url, the first an object (`eyJ` is `{"`).
fn jwt(text: &str, at: usize) -> Probe {
    const HEAD: &str = "eyJ";
    let rest = &text[at..];
    if !rest.starts_with(HEAD) {
        return if HEAD.starts_with(rest) { Probe::OPEN } else { Probe::NONE };
    }
    if before(text, at).is_some_and(|c| matches!(c, '.' | '-')) {
        return Probe::NONE;
    }
    let run = rest.bytes().take_while(|byte| is_url_safe(*byte) || *byte == b'.').count();
    let token = rest[..run].trim_end_matches('.');
    let parts: Vec<&str> = token.split('.').collect();
    let is_token = matches!(parts[..], [head, body, end, ..] if head.len() > 8 && body.len() > 8 && end.len() > 8);
    let found = if is_token { Probe::ending(text, at, token.len()) } else { Probe::NONE };
    Probe { open: run == rest.len(), ..found }
}

/// The secret half of an AWS key has no shape of its own: forty characters behind its usual name.
fn aws_secret(text: &str, at: usize) -> Probe {
    const NAME: &str = "aws_secret_access_key";
    const LENGTH: usize = 40;
    let rest = &text.as_bytes()[at..];
    let named = rest.len().min(NAME.len());
    if !rest[..named].eq_ignore_ascii_case(&NAME.as_bytes()[..named]) {
        return Probe::NONE;
    }
    let signs =
        rest[named..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'=' | b':')).count();
    let value = &rest[named + signs..];
    let length = value
        .iter()
        .take(LENGTH + 1)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+' | b'='))
        .count();
    if signs > 6 || length > LENGTH || (length < LENGTH && length < value.len()) || (signs == 0 && length > 0) {
        return Probe::NONE;
    }
    if length < LENGTH { Probe::OPEN } else { Probe::ending(text, at, named + signs + length) }
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const CLOSE: &str = "PRIVATE KEY-----";

/// A private key between its lines (RFC 7468, and `OpenSSH`'s); one that does not end goes to the end of the text, and is open.
pub(super) fn private_key(text: &str, at: usize) -> Probe {
    let rest = &text[at..];
    if !rest.starts_with('-') {
        return Probe::NONE;
    }
    match line(rest, BEGIN) {
        Line::Whole(_) => match end_of_key(text, at) {
            Some(end) => Probe { matched: Some(end - at), open: false },
            None => Probe { matched: Some(rest.len()), open: true },
        },
        Line::Begun => Probe::OPEN,
        Line::Other => Probe::NONE,
    }
}

/// Where the first line that ends a key is over, from a place on.
pub(super) fn end_of_key(text: &str, from: usize) -> Option<usize> {
    text[from..].match_indices(END).find_map(|(start, _)| match line(&text[from + start..], END) {
        Line::Whole(length) => Some(from + start + length),
        Line::Begun | Line::Other => None,
    })
}

enum Line {
    /// Of so many bytes.
    Whole(usize),
    /// More text decides.
    Begun,
    Other,
}

/// `-----BEGIN RSA PRIVATE KEY-----` with `head` as its beginning.
fn line(rest: &str, head: &str) -> Line {
    let Some(name) = rest.strip_prefix(head) else {
        return if head.starts_with(rest) { Line::Begun } else { Line::Other };
    };
    let most = LONGEST_LINE - head.len() - CLOSE.len();
    let length = name.bytes().take_while(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b' ')).count();
    let dashes = name[length..].bytes().take(5).take_while(|byte| *byte == b'-').count();
    let named = name[..length].ends_with("PRIVATE KEY") && length <= most + CLOSE.len();
    match (length + dashes == name.len(), dashes) {
        (_, 5) if named => Line::Whole(head.len() + length + dashes),
        (true, 0) if length <= most + CLOSE.len() => Line::Begun,
        (true, 1..5) if named => Line::Begun,
        _ => Line::Other,
    }
}
