//! Where each setting's value comes from.

use std::collections::BTreeMap;

/// The layer that a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody said anything else.
    Default,
    /// The configuration file.
    File,
    /// A flag of the command line.
    Flag,
    /// A person changed it while the program runs, and it is not in the file.
    Session,
}

impl Origin {
    /// In a word or two, for a row of a table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Flag => "flag",
            Self::Session => "changed here",
        }
    }

    /// As a sentence says it.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Default => "the default",
            Self::File => "from the file",
            Self::Flag => "from a flag",
            Self::Session => "changed here, until the end",
        }
    }
}

/// The origin of every setting, by its key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<&'static str, Origin>);

impl Origins {
    /// Where the value of the setting of this key comes from.
    pub fn of(&self, key: &str) -> Origin {
        self.0.get(key).copied().unwrap_or(Origin::Default)
    }

    /// From now on it comes from there.
    pub fn set(&mut self, key: &'static str, origin: Origin) {
        self.0.insert(key, origin);
    }
}
