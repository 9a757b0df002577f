//! Small pictures of numbers: bars of shares, columns of a histogram, sparklines.

use crate::tui::state::Look;

/// Columns of a sparkline or histogram by height, lowest first.
const LEVELS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const ASCII_LEVELS: [&str; 8] = [".", ".", ":", "-", "=", "+", "*", "#"];

/// A bar of a share of 1, at least one cell for anything that is not nothing.
pub(super) fn share(look: &Look, share: f32, cells: usize) -> String {
    let glyph = if look.glyphs.is_ascii() { "#" } else { "█" };
    let full = (share.clamp(0.0, 1.0) * cells as f32).round() as usize;
    let full = if share > 0.0 { full.max(1) } else { full };
    glyph.repeat(full.min(cells))
}

/// One column a value, the largest at full height; a gap where there is no value.
pub(super) fn spark(look: &Look, values: &[Option<f64>]) -> String {
    let levels = if look.glyphs.is_ascii() { ASCII_LEVELS } else { LEVELS };
    let most = values.iter().flatten().copied().fold(0.0_f64, f64::max);
    let column = |value: &Option<f64>| match value {
        Some(value) if most > 0.0 => levels[((value / most * 8.0).ceil() as usize).clamp(1, levels.len()) - 1],
        Some(_) => levels[0],
        None => " ",
    };
    values.iter().map(column).collect()
}

/// Parts of a whole as one bar: how many cells each has. Every part that is not nothing is seen, where there are cells for all.
pub(super) fn split(parts: &[usize], total: usize, cells: usize) -> Vec<usize> {
    let total = total.max(parts.iter().sum()).max(1);
    let mut out: Vec<usize> = parts.iter().map(|part| part * cells / total).collect();
    for (width, part) in out.iter_mut().zip(parts) {
        if *part > 0 && *width == 0 {
            *width = 1;
        }
    }
    while out.iter().sum::<usize>() > cells {
        let Some(widest) = out.iter_mut().max_by_key(|width| **width) else { break };
        *widest = widest.saturating_sub(1);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::fixtures::Harness;

    #[test]
    fn bars_show_what_is_little_and_never_overflow() {
        assert_eq!(split(&[1, 0, 500, 499], 1000, 10), [1, 0, 5, 4]);
        assert_eq!(split(&[1; 20], 20, 5).iter().sum::<usize>(), 5);
        assert_eq!(split(&[], 0, 5), Vec::<usize>::new());
        let look = Harness::new(80, 24).state.look;
        assert_eq!((share(&look, 0.001, 10), share(&look, 0.0, 10)), ("█".to_owned(), String::new()));
        assert_eq!(share(&look, 7.0, 3), "███");
        assert_eq!(spark(&look, &[Some(8.0), None, Some(1.0), Some(0.0)]), "█ ▁▁");
    }
}
