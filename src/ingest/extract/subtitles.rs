//! Subtitles (SRT, WebVTT): what is said, a section a minute, by the lines of the file.

use super::markup::visible_text;
use super::{Block, BlockKind, LineRange};

/// The blocks of a subtitle file; `None` when nothing in it is timed.
pub(super) fn blocks(text: &str) -> Option<Vec<Block>> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut said: Vec<(String, u32)> = Vec::new();
    let mut minute = None;
    let mut in_cue = false;
    for (line, number) in text.split('\n').zip(1_u32..) {
        if let Some((start, _)) = line.split_once("-->") {
            let at = minutes(start);
            if at != minute {
                close(&mut said, &mut blocks);
                let name = at.map_or_else(|| "?".to_owned(), |at| format!("{:02}:{:02}", at / 60, at % 60));
                blocks.extend(Block::consecutive(BlockKind::Heading(1), &name, number));
                minute = at;
            }
            in_cue = true;
        } else if line.trim().is_empty() {
            in_cue = false;
        } else if in_cue {
            let words = spoken(line);
            // Rolling captions say the same line again.
            if !words.is_empty() && said.last().is_none_or(|(last, _)| *last != words) {
                said.push((words, number));
            }
        }
    }
    close(&mut said, &mut blocks);
    (!blocks.is_empty()).then_some(blocks)
}

fn close(said: &mut Vec<(String, u32)>, blocks: &mut Vec<Block>) {
    if said.is_empty() {
        return;
    }
    let (texts, lines): (Vec<String>, Vec<LineRange>) =
        said.drain(..).map(|(text, at)| (text, LineRange { start: at, end: at })).unzip();
    blocks.push(Block { kind: BlockKind::Paragraph, text: texts.join("\n"), lines, page: None });
}

/// Whole minutes of `hh:mm:ss,mmm` or `mm:ss.mmm`.
fn minutes(time: &str) -> Option<u32> {
    let parts: Vec<u32> =
        time.trim().split(':').map(|part| part.split([',', '.']).next()?.trim().parse().ok()).collect::<Option<_>>()?;
    match parts[..] {
        [hours, minutes, _] => hours.checked_mul(60)?.checked_add(minutes),
        [minutes, _] => Some(minutes),
        _ => None,
    }
}

/// What is said in a line: without markup; who says it in front.
fn spoken(line: &str) -> String {
    let line = match line.trim().strip_prefix("<v ").and_then(|rest| rest.split_once('>')) {
        Some((voice, rest)) => format!("{voice}: {rest}"),
        None => line.to_owned(),
    };
    let mut plain = visible_text(&line);
    while let Some(open) = plain.find("{\\")
        && let Some(end) = plain[open..].find('}')
    {
        plain.replace_range(open..=open + end, "");
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cues_become_paragraphs_under_their_minute() {
        let text = "1\n00:00:01,000 --> 00:00:04,000\n<i>Hello</i> there.\n\n2\n00:00:05,000 --> 00:00:06,000\n{\\an8}Second line.\n\n3\n00:01:02,000 --> 00:01:04,000\nLater.\n";
        let blocks = blocks(text).unwrap();
        let seen: Vec<_> =
            blocks.iter().map(|block| (block.kind, block.text.as_str(), block.span().start_line)).collect();
        assert_eq!(
            seen,
            [
                (BlockKind::Heading(1), "00:00", 2),
                (BlockKind::Paragraph, "Hello there.\nSecond line.", 3),
                (BlockKind::Heading(1), "00:01", 10),
                (BlockKind::Paragraph, "Later.", 11),
            ]
        );
    }

    #[test]
    fn web_subtitles_name_the_voice_and_leave_notes_out() {
        let text = "WEBVTT\n\nNOTE not said\n\n00:05.000 --> 00:07.000 align:start\n<v Anna>Hello\nHello\n";
        let blocks = blocks(text).unwrap();
        assert_eq!(blocks[1].text, "Anna: Hello\nHello");
        assert!(super::blocks("just words\n").is_none());
    }
}
