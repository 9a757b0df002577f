//! Personal data: account and card numbers, which carry checksums; addresses and telephone numbers, which only have a shape.

use super::{Probe, before, is_word};

pub(super) const IBAN: &str = "iban";
pub(super) const CARD: &str = "payment card";
pub(super) const EMAIL: &str = "e-mail address";
pub(super) const PHONE: &str = "phone number";

/// Characters of an IBAN by its country: the IBAN registry of SWIFT (ISO 13616), release 99.
const IBAN_LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 \
    ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 \
    LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 \
    SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30";

/// An IBAN: a country with as many characters as its accounts have, in groups or not, whose remainder by 97 is 1.
pub(super) fn iban(text: &str, at: usize) -> Probe {
    let bytes = &text.as_bytes()[at..];
    let fits = |place: usize, byte: u8| if place < 2 { byte.is_ascii_uppercase() } else { byte.is_ascii_digit() };
    if !(0..).zip(bytes.iter().take(4)).all(|(place, byte)| fits(place, *byte)) {
        return Probe::NONE;
    }
    if bytes.len() < 4 {
        return Probe::OPEN;
    }
    let country = &text[at..at + 2];
    let known = IBAN_LENGTHS.split(' ').find_map(|entry| entry.strip_prefix(country)?.parse::<usize>().ok());
    let Some(wanted) = known else { return Probe::NONE };
    let (mut account, mut length) = (Vec::with_capacity(wanted), 0);
    let mut parted = false;
    for c in text[at..].chars() {
        if account.len() == wanted {
            break;
        }
        match c {
            'A'..='Z' | '0'..='9' => {
                account.push(c as u8);
                parted = false;
            }
            ' ' | '-' | '\u{a0}' | '\u{202f}' if !parted && account.len() >= 4 => parted = true,
            _ => return Probe::NONE,
        }
        length += c.len_utf8();
    }
    if account.len() < wanted {
        return Probe::OPEN;
    }
    // The first four characters count as the last; letters are 10 to 35.
    let remainder = account[4..].iter().chain(&account[..4]).fold(0, |remainder, byte| match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        letter => (remainder * 100 + u32::from(letter - b'A') + 10) % 97,
    });
    if remainder == 1 { Probe::ending(text, at, length) } else { Probe::NONE }
}

/// The number of a payment card: of a network, in the groups in which it is printed or in one, with a right check digit (Luhn, ISO/IEC 7812).
pub(super) fn card(text: &str, at: usize) -> Probe {
    let Some(groups) = Groups::at(text, at) else { return Probe::NONE };
    let printed = groups
        .separators
        .first()
        .is_none_or(|first| matches!(first, ' ' | '-') && groups.separators.iter().all(|separator| separator == first));
    let shape: &[usize] = &groups.lengths;
    let grouped = matches!(shape, [14..=19] | [4, 4, 4, 4] | [4, 4, 4, 4, 3] | [4, 6, 4 | 5]);
    let is_card = printed && grouped && is_of_network(&groups.digits) && luhn(&groups.digits);
    groups.probe(text, at, is_card)
}

/// First digits and lengths of the networks, as ISO/IEC 7812 assigns and the networks publish them.
fn is_of_network(digits: &[u8]) -> bool {
    let head = |count: usize| digits[..count].iter().fold(0u32, |number, digit| number * 10 + u32::from(*digit));
    match digits.len() {
        14 => matches!(head(3), 300..=305 | 309) || matches!(head(2), 36 | 38 | 39),
        15 => matches!(head(2), 34 | 37),
        16 => {
            matches!(head(1), 4)
                || matches!(head(2), 51..=55 | 62 | 65)
                || matches!(head(4), 2221..=2720 | 3528..=3589 | 6011)
                || matches!(head(3), 644..=649)
        }
        19 => head(1) == 4 || matches!(head(2), 62 | 65),
        17 | 18 => head(2) == 62,
        _ => false,
    }
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = (0..)
        .zip(digits.iter().rev())
        .map(|(place, digit)| match u32::from(*digit) {
            digit if place % 2 == 0 => digit,
            digit if digit > 4 => digit * 2 - 9,
            digit => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Groups of digits, one character between two of them.
struct Groups {
    digits: Vec<u8>,
    lengths: Vec<usize>,
    separators: Vec<char>,
    /// Bytes.
    length: usize,
    /// More may follow.
    open: bool,
}

/// More digits in a row are no number of a card or a telephone.
const MOST_DIGITS: usize = 19;

impl Groups {
    /// All groups that follow each other at a place; none inside a longer row of numbers.
    fn at(text: &str, at: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        let is_digit = |place: usize| bytes.get(place).is_some_and(u8::is_ascii_digit);
        let goes_on =
            before(text, at).is_some_and(is_separator) && at >= 2 && (is_digit(at - 2) || is_word_before(text, at - 1));
        if !is_digit(at) || goes_on {
            return None;
        }
        let mut groups = Self { digits: Vec::new(), lengths: vec![0], separators: Vec::new(), length: 0, open: false };
        loop {
            let place = at + groups.length;
            let last = groups.lengths.last_mut().expect("there is always a group");
            if is_digit(place) {
                groups.digits.push(bytes[place] - b'0');
                *last += 1;
                if groups.digits.len() > MOST_DIGITS {
                    return None;
                }
                groups.length += 1;
                continue;
            }
            match text[place..].chars().next() {
                Some(c) if is_separator(c) && is_digit(place + 1) => {
                    groups.separators.push(c);
                    groups.lengths.push(0);
                    groups.length += 1;
                }
                Some(c) => {
                    groups.open = is_separator(c) && place + 1 == text.len();
                    return Some(groups);
                }
                None => {
                    groups.open = true;
                    return Some(groups);
                }
            }
        }
    }

    /// The match of all groups, if they are one.
    fn probe(&self, text: &str, at: usize, is_match: bool) -> Probe {
        let found = if is_match { Probe::ending(text, at, self.length) } else { Probe::NONE };
        Probe { open: self.open, ..found }
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '-' | '.' | '/' | ',')
}

/// Whether a bar ends at a place: digits behind it may be the rest of what it covers.
fn is_word_before(text: &str, at: usize) -> bool {
    before(text, at) == Some(super::BAR_CHAR)
}

/// An e-mail address: letters, digits and `._%+-`, an at sign, a domain of at least two labels, the last of letters.
pub(super) fn email(text: &str, at: usize) -> Probe {
    let rest = &text[at..];
    if !rest.starts_with(char::is_alphanumeric)
        || before(text, at).is_some_and(|c| matches!(c, '.' | '%' | '+' | '-' | '@'))
    {
        return Probe::NONE;
    }
    let is_local = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-');
    let local = rest.char_indices().take(LONGEST_LOCAL + 1).find(|(_, c)| !is_local(*c));
    let local = match local {
        Some((end, '@')) => end,
        None if rest.chars().take(LONGEST_LOCAL + 1).count() <= LONGEST_LOCAL => return Probe::OPEN,
        _ => return Probe::NONE,
    };
    let domain = &rest[local + 1..];
    let is_domain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-');
    let run = domain
        .char_indices()
        .take(LONGEST_DOMAIN)
        .find(|(_, c)| !is_domain(*c))
        .map_or_else(|| domain.char_indices().nth(LONGEST_DOMAIN).map_or(domain.len(), |(end, _)| end), |(end, _)| end);
    let open = run == domain.len();
    if domain[run..].starts_with(|c| is_word(c) || c == '@') {
        return Probe::NONE;
    }
    let name = domain[..run].trim_end_matches(['.', '-']);
    let labels: Vec<&str> = name.split('.').collect();
    let top = labels.last().copied().unwrap_or_default();
    let is_address = labels.len() > 1
        && labels.iter().all(|label| !label.is_empty())
        && top.chars().count() > 1
        && top.chars().all(char::is_alphabetic);
    Probe { matched: is_address.then_some(local + 1 + name.len()), open }
}

/// Characters of an address before and after its at sign (RFC 5321, 4.5.3.1).
const LONGEST_LOCAL: usize = 64;
const LONGEST_DOMAIN: usize = 255;

/// A telephone number: `+` and 8 to 15 digits (E.164); a North American one in its groups; a national one that begins with 0 and has a
/// separator. Dates, versions and amounts are none.
pub(super) fn phone(text: &str, at: usize) -> Probe {
    match text.as_bytes()[at] {
        b'+' => international(text, at),
        b'(' => in_parentheses(text, at),
        b'0'..=b'9' => {
            let Some(groups) = Groups::at(text, at) else { return Probe::NONE };
            let is_phone = is_north_american(&groups) || is_national(&groups);
            groups.probe(text, at, is_phone)
        }
        _ => Probe::NONE,
    }
}

fn is_north_american(groups: &Groups) -> bool {
    let alike = matches!(groups.separators[..], [a, b] if a == b && matches!(a, ' ' | '-' | '.'));
    alike && groups.lengths == [3, 3, 4] && groups.digits[0] >= 2 && groups.digits[3] >= 2
}

fn is_national(groups: &Groups) -> bool {
    if groups.digits[0] != 0 || groups.separators.is_empty() {
        return false;
    }
    let in_pairs = groups.lengths == [2; 5];
    let slashes = groups.separators.iter().filter(|separator| **separator == '/').count();
    let dialed = (3..=5).contains(&groups.lengths[0])
        && (9..=12).contains(&groups.digits.len())
        && slashes <= 1
        && !groups.separators.iter().any(|separator| matches!(separator, '.' | ','));
    in_pairs || dialed
}

/// `+49 (0)30 1234567`: the longest run of digits with at most two signs between two of them.
fn international(text: &str, at: usize) -> Probe {
    let (mut digits, mut end, mut signs) = (0, 1, 0);
    for (place, c) in text[at..].char_indices().skip(1) {
        match c {
            '0'..='9' => {
                (digits, end, signs) = (digits + 1, place + 1, 0);
                if digits > 15 {
                    return Probe::NONE;
                }
            }
            ' ' | '-' | '.' | '/' | '(' | ')' | '\u{a0}' if digits > 0 && signs < 2 => {
                // A full stop and a space end a sentence.
                if c != '(' && c != ')' && signs > 0 && !text[at..at + place].ends_with([')', '(']) {
                    break;
                }
                signs += 1;
            }
            _ => break,
        }
    }
    let rest = text[at + end..].chars();
    let open =
        rest.clone().count() <= 2 && rest.clone().all(|c| matches!(c, ' ' | '-' | '.' | '/' | '(' | ')' | '\u{a0}'));
    let found = if digits >= 8 { Probe::ending(text, at, end) } else { Probe::NONE };
    Probe { open, ..found }
}

/// `(212) 555-0123`.
fn in_parentheses(text: &str, at: usize) -> Probe {
    const SHAPE: &[u8; 14] = b"(ddd) ddd-dddd";
    for (place, wanted) in SHAPE.iter().enumerate() {
        let Some(byte) = text.as_bytes().get(at + place) else { return Probe::OPEN };
        let fits = match wanted {
            b'd' => byte.is_ascii_digit(),
            b'-' => matches!(byte, b'-' | b'.' | b' '),
            sign => sign == byte,
        };
        if !fits {
            return Probe::NONE;
        }
    }
    Probe::ending(text, at, SHAPE.len())
}
