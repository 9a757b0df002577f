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
    /// What the row is called in the configuration, and what those without a title are called that do the same elsewhere:
    /// they stand with the first row that has one.
    fn ids(&self) -> impl Iterator<Item = &'static str> {
        self.rows().map(|row| row.id)
    }

    /// The row and those without a title that do the same elsewhere, where it is the first one with a title.
    pub(in crate::tui) fn rows(&self) -> impl Iterator<Item = &'static Self> {
        let same = |other: &&Self| other.command == self.command;
        let first = BINDINGS.iter().filter(same).find(|other| !other.title.is_empty());
        let is_first = first.is_some_and(|first| first.id == self.id);
        let (id, command) = (self.id, self.command);
        BINDINGS
            .iter()
            .filter(move |other| other.id == id || (is_first && other.command == command && other.title.is_empty()))
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
}
