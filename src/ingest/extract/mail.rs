//! E-mail: one message (RFC 5322 with MIME), a mailbox of many (RFC 4155), or a web page saved as one (MHTML, RFC 2557).
//!
//! A message of a mailbox is a page. Its subject is a heading, its sender, recipients and date a paragraph; the text is preferred to the
//! HTML of the same; what is attached is listed, and read where it is text or another message. The other headers come last.

use mail_parser::{Address, Message, MessageParser, MessagePart, MimeHeaders as _, PartType};

use super::body::Body;
use super::{Extracted, html, plain, sanitize};

/// Messages inside messages that are read.
const MAX_NESTED: usize = 3;
/// Messages of a mailbox that are read.
const MAX_MESSAGES: u32 = 200_000;

/// One message, or a page that was saved as one.
pub(super) fn message(bytes: &[u8]) -> Extracted {
    let mut body = Body::default();
    let Some(message) = MessageParser::default().parse(bytes) else {
        body.note("no e-mail: it has no headers");
        return body.finish(None, Vec::new());
    };
    let title = message.subject().map(str::to_owned);
    read(&message, &mut body, 0);
    body.finish(title, Vec::new())
}

/// A mailbox.
pub(super) fn mailbox(bytes: &[u8]) -> Extracted {
    let mut body = Body::default();
    for (number, raw) in (1_u32..).zip(messages(bytes)) {
        if number > MAX_MESSAGES || body.is_full() {
            body.partly(format!("only the first {} messages were read", number - 1));
            break;
        }
        body.page(number);
        match MessageParser::default().parse(&raw) {
            Some(message) => read(&message, &mut body, 0),
            None => body.take(plain::blocks(&String::from_utf8_lossy(&raw))),
        }
    }
    // Its first subject is not what a mailbox is about: it goes by its file's name.
    body.titled(None, Vec::new())
}

/// The messages of a mailbox: each begins with a line `From `, after an empty one; `>From ` inside stands for `From `.
fn messages(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').peekable();
    std::iter::from_fn(move || {
        let mut raw = Vec::new();
        let mut after_blank = false;
        if lines.peek()?.starts_with(b"From ") {
            lines.next();
        }
        while let Some(line) = lines.next_if(|line| !(after_blank && line.starts_with(b"From "))) {
            after_blank = line.iter().all(u8::is_ascii_whitespace);
            let marks = line.iter().take_while(|byte| **byte == b'>').count();
            let quoted = marks > 0 && line[marks..].starts_with(b"From ");
            raw.extend_from_slice(if quoted { &line[1..] } else { line });
        }
        Some(raw)
    })
}

fn read(message: &Message<'_>, body: &mut Body, depth: usize) {
    body.heading(1 + depth as u8, message.subject().unwrap_or("(no subject)"));
    body.paragraph(&envelope(message));
    // The same text as HTML stands among the text bodies where there is no other.
    for part in message.text_bodies() {
        text(part, body);
    }
    for part in message.attachments() {
        attachment(part, body, depth);
    }
    let shown = ["from", "to", "cc", "date", "subject"];
    let others: Vec<String> = message
        .headers_raw()
        .filter(|(name, _)| !shown.contains(&name.to_lowercase().as_str()))
        .map(|(name, value)| format!("{name}: {}", value.split_whitespace().collect::<Vec<_>>().join(" ")))
        .collect();
    if !others.is_empty() {
        body.heading(2 + depth as u8, "Headers");
        body.code(&others.join("\n"));
    }
}

fn envelope(message: &Message<'_>) -> String {
    let mut lines = Vec::new();
    for (name, address) in [("From", message.from()), ("To", message.to()), ("Cc", message.cc())] {
        lines.extend(address.map(|address| format!("{name}: {}", shown(address))));
    }
    lines.extend(message.header_raw("Date").map(|date| format!("Date: {}", date.trim())));
    lines.join("\n")
}

fn shown(address: &Address<'_>) -> String {
    let one = |one: &mail_parser::Addr<'_>| match (one.name(), one.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or_default().to_owned(),
    };
    address.iter().take(64).map(one).collect::<Vec<_>>().join(", ")
}

fn text(part: &MessagePart<'_>, body: &mut Body) {
    match &part.body {
        PartType::Text(text) => body.take(plain::blocks(&text.replace("\r\n", "\n"))),
        PartType::Html(page) => {
            let page = html::extract(&sanitize::sanitize(page).text);
            body.take(page.blocks);
            body.hides_words(page.hidden);
            if let Some(note) = page.note {
                body.note(note);
            }
        }
        PartType::Binary(_) | PartType::InlineBinary(_) | PartType::Message(_) | PartType::Multipart(_) => {}
    }
}

fn attachment(part: &MessagePart<'_>, body: &mut Body, depth: usize) {
    let name = part.attachment_name().unwrap_or("without a name");
    match &part.body {
        PartType::Message(inner) if depth < MAX_NESTED => read(inner, body, depth + 1),
        PartType::Text(_) | PartType::Html(_) => {
            body.paragraph(&format!("[Attached: {name}]"));
            text(part, body);
        }
        _ => {
            body.paragraph(&format!("[Attached, not opened: {name}, {} bytes]", part.len()));
            body.note("attachments that are no text were not opened");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(extracted: &Extracted) -> Vec<String> {
        let page = |page: Option<u32>| page.map(|page| format!("{page} ")).unwrap_or_default();
        extracted.blocks.iter().map(|block| format!("{}{}", page(block.page), block.text)).collect()
    }

    const MAIL: &str = "From: =?utf-8?q?Anna_L=C3=B6f?= <anna@example.org>\r\nTo: b@example.org\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\nDate: Sat, 9 Mar 2024 10:00:00 +0100\r\nX-Mailer: pine\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n--y\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nThe pear tree was pruned caf=E9.\r\n\r\n> quoted\r\n--y\r\nContent-Type: text/html\r\n\r\n<p>The same as a page.</p>\r\n--y--\r\n--x\r\nContent-Type: image/png; name=tree.png\r\nContent-Disposition: attachment; filename=tree.png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: Inner\r\nFrom: c@example.org\r\n\r\nInner words.\r\n--x--\r\n";

    #[test]
    fn a_message_has_its_envelope_its_text_once_and_its_attachments_named() {
        let read = message(MAIL.as_bytes());
        assert_eq!(read.title.as_deref(), Some("Grüße"));
        let texts = texts(&read);
        assert_eq!(texts[0], "Grüße");
        assert_eq!(
            texts[1],
            "From: Anna Löf <anna@example.org>\nTo: b@example.org\nDate: Sat, 9 Mar 2024 10:00:00 +0100"
        );
        assert_eq!(texts[2..4], ["The pear tree was pruned café.", "> quoted"]);
        let all = texts.join("\n");
        assert!(!all.contains("The same as a page"), "{all}");
        assert!(all.contains("[Attached, not opened: tree.png") && all.contains("Inner words."), "{all}");
        assert!(all.contains("X-Mailer: pine"), "{all}");
    }

    #[test]
    fn a_message_of_html_alone_is_read_as_a_page() {
        let read = message(b"Subject: A\nContent-Type: text/html\n\n<h1>Head</h1><p>Words <b>bold</b>.</p>");
        assert!(texts(&read).iter().any(|text| text.contains("Words") && !text.contains("<b>")), "{:?}", texts(&read));
    }

    #[test]
    fn the_messages_of_a_mailbox_are_pages() {
        let text = "From a@b Sat Mar  9\nSubject: One\n\nFirst.\n>From here it goes on.\n\nFrom c@d Sun Mar 10\nSubject: Two\n\nSecond.\nFrom the start of a line without an empty one before it.\n";
        let read = mailbox(text.as_bytes());
        let texts = texts(&read);
        assert_eq!(texts[0], "1 One");
        assert!(texts.iter().any(|text| text == "1 First.\nFrom here it goes on."), "{texts:?}");
        assert!(texts.contains(&"2 Two".to_owned()), "{texts:?}");
        assert!(texts.iter().any(|text| text.starts_with("2 Second.\nFrom the start")), "{texts:?}");
        assert_eq!(read.title, None);
    }

    #[test]
    fn bytes_that_are_no_mail_do_no_harm() {
        for bytes in [
            &b""[..],
            b"\0\xFF\xFE",
            b"From ",
            b"From \n\nFrom \n",
            b"Content-Type: multipart/mixed; boundary=\n\n--\n--",
        ] {
            message(bytes);
            mailbox(bytes);
        }
    }
}
