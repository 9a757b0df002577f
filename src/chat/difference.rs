//! What two texts differ in, line by line.

use serde::{Deserialize, Serialize};

/// Most pairs of lines that are compared; beyond, all of the one text stands before all of the other.
const MOST_PAIRS: usize = 250_000;

/// A line of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// In both.
    Kept(String),
    /// In the first text only.
    Removed(String),
    /// In the second text only.
    Added(String),
}

impl Change {
    /// The line behind its sign, as `diff` prints it.
    pub fn shown(&self) -> String {
        match self {
            Self::Kept(line) => format!("  {line}"),
            Self::Removed(line) => format!("- {line}"),
            Self::Added(line) => format!("+ {line}"),
        }
    }
}

/// The changes that make `after` of `before`, keeping as many lines as can be (a longest common subsequence).
pub fn difference(before: &[&str], after: &[&str]) -> Vec<Change> {
    let (width, height) = (after.len() + 1, before.len() + 1);
    // kept[i][j]: lines that before[i..] and after[j..] have in common.
    let comparable = before.len().saturating_mul(after.len()) <= MOST_PAIRS;
    let mut kept = vec![0u32; if comparable { width * height } else { 0 }];
    if comparable {
        for i in (0..before.len()).rev() {
            for j in (0..after.len()).rev() {
                kept[i * width + j] = if before[i] == after[j] {
                    kept[(i + 1) * width + j + 1] + 1
                } else {
                    kept[(i + 1) * width + j].max(kept[i * width + j + 1])
                };
            }
        }
    }
    let common = |i: usize, j: usize| kept.get(i * width + j).copied().unwrap_or(0);
    let mut changes = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < before.len() || j < after.len() {
        let same = comparable && i < before.len() && j < after.len() && before[i] == after[j];
        if same {
            changes.push(Change::Kept(before[i].to_owned()));
            (i, j) = (i + 1, j + 1);
        } else if i < before.len() && (j == after.len() || !comparable || common(i + 1, j) >= common(i, j + 1)) {
            changes.push(Change::Removed(before[i].to_owned()));
            i += 1;
        } else {
            changes.push(Change::Added(after[j].to_owned()));
            j += 1;
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(before: &[&str], after: &[&str]) -> Vec<String> {
        difference(before, after).iter().map(Change::shown).collect()
    }

    #[test]
    fn lines_that_stay_are_kept_and_removed_ones_stand_first() {
        assert_eq!(shown(&["a", "b", "c"], &["a", "x", "c", "d"]), ["  a", "- b", "+ x", "  c", "+ d"]);
        assert_eq!(shown(&[], &["a"]), ["+ a"]);
        assert_eq!(shown(&["a"], &[]), ["- a"]);
    }

    #[test]
    fn texts_too_long_to_compare_stand_one_after_the_other() {
        let many = vec!["x"; 1000];
        let changes = difference(&many, &many);
        assert_eq!(changes.len(), 2000);
        assert!(matches!((&changes[0], &changes[1999]), (Change::Removed(_), Change::Added(_))));
    }

    proptest! {
        #[test]
        fn both_texts_can_be_read_from_their_difference(before in "[ab\n]{0,30}", after in "[ab\n]{0,30}") {
            let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
            let changes = difference(&before, &after);
            let side = |skip: fn(&Change) -> bool| -> Vec<&str> {
                changes.iter().filter(|change| !skip(change)).map(|change| match change {
                    Change::Kept(line) | Change::Removed(line) | Change::Added(line) => line.as_str(),
                }).collect()
            };
            prop_assert_eq!(side(|change| matches!(change, Change::Added(_))), before);
            prop_assert_eq!(side(|change| matches!(change, Change::Removed(_))), after);
        }
    }
}
