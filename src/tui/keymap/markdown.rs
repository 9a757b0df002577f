//! The table for the README: keys, what they do, and what a row is called in the configuration.

use super::{BINDINGS, Binding, Group, SLASHES};

/// The keys and commands as Markdown tables, for the README.
pub fn keys_markdown() -> String {
    let mut rows = Vec::new();
    for group in Group::ALL {
        rows.push(format!("| {} | | |\n|---|---|---|", group.title()));
        for binding in BINDINGS.iter().filter(|binding| binding.group == group && !binding.title.is_empty()) {
            let keys: Vec<String> = binding.keys.iter().map(|chord| format!("`{}`", chord.name())).collect();
            let ids: Vec<String> = binding.ids().map(|id| format!("`{id}`")).collect();
            rows.push(format!("| {} | {} | {} |", keys.join(", "), binding.title, ids.join(", ")));
        }
        rows.push(String::new());
    }
    rows.push("| Commands | |\n|---|---|".into());
    for slash in SLASHES {
        let usage = format!("/{} {}", slash.name, slash.arguments);
        rows.push(format!("| `{}` | {} |", usage.trim_end(), slash.title));
    }
    rows.push(String::new());
    rows.join("\n")
}

impl Binding {
    /// What the row is called in the configuration, and what those are called that it explains.
    fn ids(&'static self) -> impl Iterator<Item = &'static str> {
        self.rows().map(|row| row.id)
    }

    /// The row, and the rows without a title that it explains.
    pub(in crate::tui) fn rows(&'static self) -> impl Iterator<Item = &'static Self> {
        BINDINGS.iter().filter(|row| row.explained_by() == self.id)
    }

    /// The id of the row that says what this one does: its own where it has a title, else that of the same command and keys which stands
    /// nearest above it, or of the same command, or the first one.
    fn explained_by(&self) -> &'static str {
        let titled = || BINDINGS.iter().filter(|row| row.command == self.command && !row.title.is_empty());
        let above = || {
            let place = BINDINGS.iter().position(|row| row.id == self.id);
            titled().filter(move |row| BINDINGS.iter().position(|other| other.id == row.id) < place)
        };
        if !self.title.is_empty() {
            return self.id;
        }
        let same_keys = above().rfind(|row| row.keys == self.keys);
        same_keys.or_else(|| above().next_back()).or_else(|| titled().next()).map_or(self.id, |row| row.id)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_command_has_its_own_id_a_title_and_a_row_in_the_readme() {
        let mut ids = HashSet::new();
        let table = keys_markdown();
        for binding in BINDINGS {
            assert!(ids.insert(binding.id), "{} stands twice", binding.id);
            assert!(table.contains(binding.title), "{}", binding.id);
            let explained = BINDINGS.iter().any(|other| other.command == binding.command && !other.title.is_empty());
            assert!(explained, "{} is explained nowhere", binding.id);
            assert!(table.contains(&format!("`{}`", binding.id)), "{} is named nowhere", binding.id);
        }
        assert!(table.contains("| `alt-enter`, `ctrl-j` | start a new line | `newline` |"), "{table}");
        assert!(table.contains("| `/set [KEY [VALUE]]` |"), "{table}");
    }

    #[test]
    fn a_row_without_a_title_belongs_to_the_one_above_with_its_keys() {
        let ids = |id| {
            let row = BINDINGS.iter().find(|row| row.id == id).unwrap();
            row.ids().collect::<Vec<_>>()
        };
        assert_eq!(ids("run"), ["run"]);
        assert!(ids("open").starts_with(&["open", "open-found"]), "{:?}", ids("open"));
        assert!(ids("previous").contains(&"previous-source"), "{:?}", ids("previous"));
        let mut all: Vec<&str> = BINDINGS.iter().filter(|row| !row.title.is_empty()).flat_map(Binding::ids).collect();
        all.sort_unstable();
        let mut rows: Vec<&str> = BINDINGS.iter().map(|row| row.id).collect();
        rows.sort_unstable();
        assert_eq!(all, rows, "each belongs to one");
    }
}
