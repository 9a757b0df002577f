//! The list of all commands.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{MARGIN, indent, sessions, spread};
use crate::tui::state::{Act, Entry, Palette, State};
use crate::tui::text::{fit, width};

/// From here on the ids stand beside the titles.
const WITH_IDS: usize = 90;
/// Columns of the keys, and where there is little room.
const KEYS: [usize; 2] = [17, 9];
/// Below this room there is little.
const LITTLE: usize = 50;
/// Columns of the ids.
const IDS: usize = 18;

pub(super) fn draw(state: &State, palette: &Palette, frame: &mut Frame<'_>, area: Rect) {
    let theme = &state.look.theme;
    let room = usize::from(area.width).saturating_sub(2 * usize::from(MARGIN));
    let offered = state.offered(palette);
    let mut head = vec![
        Line::default(),
        Line::from(vec![indent(), Span::styled("Commands", theme.strong)]),
        sessions::field(state, "find: ", &palette.typed, true, room),
        Line::default(),
    ];
    if offered.is_empty() {
        head.push(Line::from(vec![indent(), Span::styled("No command has these letters.", theme.muted)]));
    }
    super::lines(frame, area, &head, 0);
    let top = head.len() as u16;
    let list =
        Rect { x: area.x + MARGIN, y: area.y + top, width: room as u16, height: area.height.saturating_sub(top) };
    let selected = palette.place(&offered);
    let rows: Vec<Line<'static>> =
        offered.iter().enumerate().map(|(index, entry)| row(state, entry, index == selected, room)).collect();
    super::lines(frame, list, &rows, (selected + 1).saturating_sub(usize::from(list.height)));
}

fn row(state: &State, entry: &Entry, chosen: bool, room: usize) -> Line<'static> {
    let look = &state.look;
    let runs = !matches!(entry.act, Act::Nothing);
    let (text, accent) = if runs { (look.theme.text, look.theme.accent) } else { (look.theme.muted, look.theme.muted) };
    let [most, least] = KEYS;
    let keys = keys(entry, if room < LITTLE { least } else { most }, look.glyphs.ellipsis);
    let mut right = Vec::new();
    if room >= WITH_IDS {
        right.push(Span::styled(format!("{:<IDS$} ", entry.id), look.theme.muted));
        right.push(Span::raw(" ".repeat(most - width(&keys))));
    }
    right.push(Span::styled(keys, accent));
    right.push(Span::raw(" "));
    let title = fit(entry.title, room.saturating_sub(super::columns(&right) + 3), look.glyphs.ellipsis);
    let sign = if chosen { look.glyphs.pointer } else { " " };
    let left = vec![Span::styled(format!("{sign} "), look.theme.accent), Span::styled(title, text)];
    let row = spread(left, right, room);
    if chosen { row.patch_style(look.theme.selection) } else { row }
}

/// As many of its keys as fit.
fn keys(entry: &Entry, room: usize, ellipsis: &str) -> String {
    let mut out = String::new();
    for key in &entry.keys {
        let more = if out.is_empty() { key.clone() } else { format!("{out}  {key}") };
        if width(&more) > room {
            break;
        }
        out = more;
    }
    fit(&out, room, ellipsis)
}
